/** Refused calls: in groups of those refused alike, one by one, and the way out for them. */
import { useEffect, useState } from "preact/hooks";
import { get, withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { TypeChip } from "../live/labels";
import { DataTable } from "../ui/DataTable";
import { whole } from "../ui/format";
import { CheckIcon } from "../ui/icons";
import { Page } from "../ui/PageHeader";
import { router, useQueryParam, useRouter } from "../ui/router";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { Segments } from "../ui/Tabs";
import { When } from "../ui/When";
import { pageOf, type Group, type Groups, type Refused } from "./api";
import { CallPage } from "./CallPage";
import "./quarantine.css";
import { ReleaseDialog, type Which } from "./ReleaseDialog";

const PAGE = 100;

export default function QuarantinePage({ params }: { params: Record<string, string> }) {
  return params["offset"] !== undefined ? <CallPage params={params} /> : <ListPage />;
}

function ListPage() {
  const workspace = useWorkspace();
  const { query } = useRouter();
  const [source, setSource] = useQueryParam("source");
  const [released, setReleased] = useQueryParam("released");
  const reason = query.get("reason") ?? "";
  const name = query.get("name");
  const pointer = query.get("pointer");
  const inGroup = reason !== "";
  const groups = useResource<Groups>(withQuery("/api/quarantine/groups", { source, released }), { everyMs: 5000, keep: true });
  const [releasing, setReleasing] = useState<{ which: Which; count: number; title: string } | null>(null);
  const which: Which = { source: query.get("group") ?? source, reason, name: name ?? "", pointer };
  const sources = workspace?.sources ?? [];

  return (
    <Page title={inGroup ? <code>{reason}</code> : "Quarantine"} {...(inGroup ? { back: { href: withQuery("/quarantine", { source, released }), label: "Quarantine" } } : {})}
      note={inGroup ? [name, pointer && `at ${pointer}`, which.source && `from ${sourceName(workspace, which.source)}`].filter(Boolean).join(", ") : "Calls that were refused. They are kept: mend them, or the plan, and let them out."}
      actions={
        <>
          {sources.length > 1 && !inGroup && (
            <select class="choice" aria-label="Source" value={source} onChange={(event) => setSource(event.currentTarget.value)}>
              <option value="">All sources</option>
              {sources.map((one) => <option key={one.key} value={one.key}>{one.name}</option>)}
            </select>
          )}
          <Segments label="Which calls" value={released === "1" ? "all" : "waiting"} onChange={(value) => setReleased(value === "all" ? "1" : "")} options={[{ value: "waiting", label: "Waiting" }, { value: "all", label: "All" }]} />
        </>
      }>
      <Fetched resource={groups}>
        {(found) => inGroup
          ? <GroupCalls which={which} released={released} onRelease={(count) => setReleasing({ which, count, title: reason })} count={countOf(found, which)} />
          : <AllGroups found={found} released={released} onRelease={setReleasing} source={source} />}
      </Fetched>
      {releasing && <ReleaseDialog {...releasing} onClose={() => setReleasing(null)} onDone={groups.reload} />}
    </Page>
  );
}

function countOf(found: Groups, which: Which): number {
  return found.groups.filter((one) => one.reason === which.reason && (!which.source || one.source === which.source) && (which.pointer === null || one.pointer === which.pointer) && (!which.name || one.name === which.name))
    .reduce((all, one) => all + one.count, 0);
}

function AllGroups({ found, released, source, onRelease }: { found: Groups; released: string; source: string; onRelease: (what: { which: Which; count: number; title: string }) => void }) {
  const workspace = useWorkspace();
  const count = found.groups.reduce((all, one) => all + one.count, 0);
  if (!count) {
    return (
      <EmptyState title={released ? "Nothing was ever refused" : "No call waits"} icon={<CheckIcon />}>
        {released ? "Calls that the collector or the pipeline refuses would be here." : "Calls that the collector or the pipeline refuses wait here, with the reason and the place of the fault. “All” also shows those that were let out."}
      </EmptyState>
    );
  }
  const byReason = new Map<string, number>();
  for (const one of found.groups) byReason.set(one.reason, (byReason.get(one.reason) ?? 0) + one.count);
  const sorted = [...byReason].sort((one, other) => other[1] - one[1]);
  const hrefOf = (one: Group) => withQuery("/quarantine", new URLSearchParams({ group: one.source, reason: one.reason, pointer: one.pointer, ...(one.name ? { name: one.name } : {}), ...(released ? { released } : {}), ...(source ? { source } : {}) }));
  return (
    <>
      <Stats>
        <Stat label={released ? "Calls" : "Waiting calls"} value={whole(count)} note={`in ${found.groups.length} ${found.groups.length === 1 ? "group" : "groups"}`} tone={released ? undefined : "odd"} />
        {sorted.slice(0, 4).map(([reason, number]) => <Stat key={reason} label={reason.replaceAll("_", " ")} value={whole(number)} note={`${Math.round((100 * number) / count)} % of them`} />)}
      </Stats>
      {!found.complete && <Notice tone="info" title={`The newest ${whole(found.looked_at)} calls are counted`}>There are older ones; choose a source to see more of it.</Notice>}
      <div class="quarantine-bar">
        <h2>Refused alike</h2>
        <button type="button" class="button" onClick={() => onRelease({ which: { source, reason: "", name: "", pointer: null }, count, title: "all" })}>Let all out …</button>
      </div>
      <DataTable label="Groups of refused calls" rows={found.groups} rowKey={(one) => JSON.stringify([one.source, one.reason, one.pointer, one.name])} href={hrefOf} sort="-count"
        columns={[
          { key: "reason", label: "Reason", sort: (one) => one.reason, cell: (one) => <span class="quarantine-reason"><code>{one.reason}</code></span> },
          { key: "count", label: "Calls", number: true, sort: (one) => one.count, cell: (one) => whole(one.count) },
          { key: "name", label: "Event", sort: (one) => one.name, cell: (one) => one.name || <span class="faint">no name</span> },
          { key: "pointer", label: "At", hide: "narrow", cell: (one) => <code>{one.pointer || "the call"}</code> },
          { key: "source", label: "Source", hide: "narrow", sort: (one) => one.source, cell: (one) => sourceName(workspace, one.source) },
          { key: "newest", label: "Newest", hide: "medium", sort: (one) => one.newest_at, cell: (one) => <When at={one.newest_at} /> },
          { key: "do", label: "", number: true, hide: "narrow", head: <span class="sr-only">Actions</span>, cell: (one) => (
            <button type="button" class="button quiet" onClick={() => onRelease({ which: { source: one.source, reason: one.reason, name: one.name, pointer: one.pointer }, count: one.count, title: one.reason })}>Release …</button>
          ) },
        ]} />
      {found.deleted > 0 && <p class="faint quarantine-note">{whole(found.deleted)} older calls were deleted by age or size; see <code>log.keep</code> in the settings.</p>}
    </>
  );
}

function GroupCalls({ which, released, count, onRelease }: { which: Which; released: string; count: number; onRelease: (count: number) => void }) {
  const query = { source: which.source, reason: which.reason, name: which.name, ...(which.pointer ? { pointer: which.pointer } : {}), released, limit: PAGE };
  const first = useResource<{ calls: Refused[] }>(withQuery("/api/quarantine", query), { everyMs: 5000, keep: true });
  const [more, setMore] = useState<Refused[]>([]);
  const [end, setEnd] = useState(false);
  const key = JSON.stringify(query);
  useEffect(() => { setMore([]); setEnd(false); }, [key]);
  return (
    <Fetched resource={first}>
      {({ calls }) => {
        const seen = new Set(calls.map((one) => one.position));
        const rows = [...calls, ...more.filter((one) => !seen.has(one.position))];
        const load = async () => {
          const next = await get<{ calls: Refused[] }>("/api/quarantine", { query: { ...query, before: rows.at(-1)!.position } });
          setMore([...more, ...next.calls]);
          if (next.calls.length < PAGE) setEnd(true);
        };
        if (!rows.length) return <EmptyState title="No call of this group waits" icon={<CheckIcon />} action={<button type="button" class="button" onClick={() => router.go("/quarantine")}>To all groups</button>}>They were let out, or deleted by age.</EmptyState>;
        return (
          <>
            <div class="quarantine-bar">
              <h2>{whole(count || rows.length)} {count === 1 ? "call" : "calls"}</h2>
              <button type="button" class="button primary" onClick={() => onRelease(count || rows.length)}>Release the group …</button>
            </div>
            <DataTable label="Refused calls" rows={rows} rowKey={(one) => one.position} href={(one) => pageOf(one.position)} tone={(one) => (one.released ? "off" : undefined)}
              columns={[
                { key: "name", label: "Call", cell: (one) => <span class="quarantine-call"><TypeChip type={one.type} />{one.name || <span class="faint">no name</span>}</span> },
                { key: "message", label: "What is wrong", cell: (one) => <span class="quarantine-message">{one.message}</span> },
                { key: "id", label: "Message id", hide: "medium", cell: (one) => <code class="quarantine-id">{one.message_id}</code> },
                { key: "at", label: "Received", cell: (one) => <When at={one.received_at} /> },
                { key: "state", label: "", head: <span class="sr-only">State</span>, cell: (one) => one.released && <span class="badge good">let out</span> },
              ]} />
            {calls.length >= PAGE && !end && <div class="table-more"><button type="button" class="button" onClick={() => void load()}>Older calls</button></div>}
          </>
        );
      }}
    </Fetched>
  );
}
