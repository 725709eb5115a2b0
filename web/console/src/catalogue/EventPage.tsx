/** One event of a source: how often it comes, what is in it, what the plan says, and what is odd about it. */
import { useState } from "preact/hooks";
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { TypeChip } from "../live/labels";
import { encodeDraft, MEMBER, typeOf } from "../playground/call";
import { Chart } from "../ui/Chart";
import { DataTable } from "../ui/DataTable";
import { share, whole } from "../ui/format";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { Segments } from "../ui/Tabs";
import { When } from "../ui/When";
import { AddToPlan } from "./AddToPlan";
import { isPlanned, type Catalogue, type Coverage, type EventEntry, type Naming, type PathEntry, type Violation, type Volumes } from "./api";

const RANGES = [["24", "24 hours"], ["168", "7 days"], ["720", "30 days"]] as const;

export function EventPage({ source, type, name }: { source: string; type: string; name: string }) {
  const workspace = useWorkspace();
  const [range, setRange] = useQueryParam("hours", "168");
  const [adding, setAdding] = useState(false);
  const catalogue = useResource<Catalogue>(withQuery("/api/catalogue", { source, event: name || type }), { everyMs: 5000 });
  const volumes = useResource<Volumes>(withQuery("/api/catalogue/volumes", { hours: range }), { everyMs: 15_000, keep: true });
  const coverage = useResource<{ coverage: Coverage[] }>("/api/plan/coverage", { everyMs: 5000 });
  const violations = useResource<{ violations: Violation[] }>(withQuery("/api/plan/violations", { source }), { everyMs: 5000 });
  const naming = useResource<{ naming: Naming[] }>("/api/catalogue/naming");
  useTitle(name || type);
  const covered = coverage.data?.coverage ?? [];
  const planned = isPlanned(covered, { source, type, name });
  const hours = volumes.data?.volumes.find((one) => one.source === source && one.type === type && one.name === name)?.hours ?? [];
  const first = volumes.data?.first_hour ?? 0;
  const wrong = violations.data?.violations.filter((one) => one.type === type && one.name === name) ?? [];
  const better = naming.data?.naming.filter((one) => one.source === source && one.name === name && type === "track") ?? [];
  return (
    <Page title={name || type} back={{ href: withQuery("/catalogue", {}), label: "Catalogue & plan" }}
      note={<><TypeChip type={type} />from {sourceName(workspace, source)}{planned !== null && <span class={`badge ${planned ? "good" : "odd"}`}>{planned ? "planned" : "unplanned"}</span>}</>}
      actions={
        <>
          <Link class="button" href={withQuery("/live", { source, ...(name ? { name } : { type }) })}>See it live</Link>
          {type !== "alias" && <button type="button" class="button primary" onClick={() => setAdding(true)}>{planned ? "Draft the rule anew …" : "Add to the plan …"}</button>}
        </>
      }>
      <Fetched resource={catalogue}>
        {({ events }) => {
          const found = events.find((one) => one.type === type && one.name === name);
          if (!found) return <EmptyState title="No such event has come" action={<Link class="button" href="/catalogue">To the catalogue</Link>}>The catalogue lists an event a second or so after it came.</EmptyState>;
          const rule = covered.find((one) => one.source === source)?.rules.find((one) => one.type === type && (type !== "track" || one.name === name));
          return (
            <>
              {better.map((one) => <Notice key={one.code} tone="odd" title={one.suggestion ? `Better: ${one.suggestion}` : "The name could be better"}>{one.message}</Notice>)}
              <Stats>
                <Stat label="Events" value={whole(found.count)} note={<>since <When at={found.first_ms} /></>} />
                <Stat label="Last seen" value={<When at={found.last_ms} />} />
                <Stat label="Properties" value={whole(found.paths.length)} note={found.unlisted ? `${whole(found.unlisted)} events had further ones` : undefined} />
                <Stat label="Violations in 30 days" value={whole(wrong.reduce((all, one) => all + one.count, 0))} tone={wrong.length ? "odd" : undefined} href={wrong.length ? withQuery("/catalogue", { tab: "violations", source }) : undefined} />
              </Stats>
              <Section title="Volume" note="events an hour" actions={<Segments label="Range" value={range} onChange={setRange} options={RANGES.map(([value, label]) => ({ value, label }))} />}>
                <div class="frame frame-pad"><Chart label="Events an hour" kind="bars" height={150} legend={false} format={(value) => whole(Math.round(value))} times={(hours.length ? hours : Array.from({ length: Number(range) }, () => 0)).map((_, i) => (first + i) * 3600)} series={[{ label: "Events", values: hours.length ? hours : Array.from({ length: Number(range) }, () => 0) }]} /></div>
              </Section>
              <Section title={MEMBER[typeOf(type) ?? "alias"] === "traits" ? "Traits" : "Properties"} actions={type !== "alias" && <Link class="button" href={withQuery("/playground", { call: sampleOf(found, source) })}>Try it in the playground</Link>}>
                <Paths found={found} rule={rule?.rows ?? null} wrong={wrong} />
              </Section>
            </>
          );
        }}
      </Fetched>
      {adding && <AddToPlan source={source} type={type} name={type === "track" ? name : ""} onClose={() => setAdding(false)} />}
    </Page>
  );
}

function Paths({ found, rule, wrong }: { found: EventEntry; rule: { path: string; types: string[]; required: boolean }[] | null; wrong: readonly Violation[] }) {
  const planned = new Map(rule?.map((row) => [row.path, row]));
  // What stands in a planned object or array of which no more is said is as planned.
  const within = (path: string) => rule?.some((row) => path.startsWith(`${row.path}.`) && !rule.some((other) => other.path.startsWith(`${row.path}.`)));
  const bad = (path: string) => wrong.filter((one) => one.pointer === `/${path.replaceAll("\\.", ".").split(".").join("/").replaceAll("/$", "/*")}`).reduce((all, one) => all + one.count, 0);
  return (
    <DataTable label="All properties" rows={found.paths} rowKey={(path) => path.path} tone={(path) => (bad(path.path) ? "odd" : undefined)}
      empty={<div class="frame"><EmptyState title="It comes without any" /></div>}
      columns={[
        { key: "path", label: "Name", sort: (path) => path.path, cell: (path) => <code class="catalogue-path">{path.path.replace(/^(properties|traits)\./, "")}</code> },
        { key: "types", label: "Types", cell: (path) => <Types path={path} /> },
        { key: "count", label: "Values", number: true, sort: (path) => total(path), cell: (path) => whole(total(path)) },
        ...(rule ? [{ key: "plan", label: "Plan", cell: (path: PathEntry) => { const row = planned.get(path.path); return row ? <span class="quiet-text">{row.types.join(" or ")}{row.required ? ", required" : ""}</span> : within(path.path) ? <span class="faint">–</span> : <span class="badge odd">unplanned</span>; } }] : []),
        { key: "wrong", label: "Violations", number: true, hide: "narrow" as const, cell: (path) => (bad(path.path) ? whole(bad(path.path)) : "") },
        { key: "samples", label: "Usual values", hide: "narrow" as const, cell: (path) => <span class="catalogue-values">{path.samples.slice(0, 6).map((sample) => <code key={sample}>{sample}</code>)}</span> },
        { key: "since", label: "Since", hide: "medium" as const, sort: (path) => path.first_ms, cell: (path) => <When at={path.first_ms} /> },
      ]} />
  );
}

function Types({ path }: { path: PathEntry }) {
  const all = total(path);
  const kinds = Object.entries(path.types);
  return <span class="catalogue-types">{kinds.map(([kind, count]) => <span key={kind} class={kinds.length > 1 && kind !== "null" ? "badge odd" : "badge"} title={`${whole(count)} values`}>{kind}{kinds.length > 1 && ` ${share(count, all)}`}</span>)}</span>;
}

function total(path: PathEntry): number {
  return Object.values(path.types).reduce((all, count) => all + count, 0);
}

const VALUES: Record<string, unknown> = { string: "text", "date-time": "2026-11-20T10:00:00Z", integer: 1, number: 19.99, boolean: true, object: {}, array: [], null: null };

/** A call like those that come, for the playground. */
function sampleOf(found: EventEntry, source: string): string {
  const type = typeOf(found.type) ?? "track";
  const member = MEMBER[type];
  const data: Record<string, unknown> = {};
  for (const path of found.paths) {
    const [top, name, ...rest] = path.path.split(".");
    if (top === member && name && !rest.length && !name.includes("\\")) data[name] = path.samples[0] ?? VALUES[Object.keys(path.types)[0]!] ?? "text";
  }
  return encodeDraft({ type, call: { ...(type === "track" ? { event: found.name } : found.name ? { name: found.name } : {}), userId: "user-1", ...(member ? { [member]: data } : {}) }, source, client: "web" });
}
