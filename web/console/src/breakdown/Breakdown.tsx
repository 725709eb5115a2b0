/**
 * What came, or what became of it at one destination, by release of the app, event name, type or source: to find the bad
 * release. It is counted from the log when somebody asks, which takes a while for a long time.
 *
 *     <Breakdown destination="crm" />         // how its deliveries ended
 *     <Breakdown source="web" />              // violations of the plan, and refused calls
 */
import { useEffect } from "preact/hooks";
import { withQuery } from "../api/client";
import { useJob } from "../api/useJob";
import { sourceName, useWorkspace } from "../api/workspace";
import { violationOf } from "../catalogue/words";
import { TypeChip } from "../live/labels";
import { percent } from "../ui/bytes";
import { DataTable, type Column } from "../ui/DataTable";
import { whole } from "../ui/format";
import { CatalogueIcon, CloseIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { router, useQueryParam } from "../ui/router";
import { EmptyState, ErrorState, Notice } from "../ui/states";
import { Progress } from "../ui/Progress";
import { Segments } from "../ui/Tabs";
import "./breakdown.css";
import { DIMENSIONS, groupBy, standsOut, total, type Counted, type Dimension, type Group, type Narrowed } from "./counts";

const TIMES = [["1h", "1 h", 1], ["24h", "24 h", 24], ["7d", "7 days", 168], ["30d", "30 days", 720], ["all", "All", 0]] as const;
const BY: { value: Dimension; label: string }[] = [
  { value: "version", label: "App version" }, { value: "name", label: "Event" }, { value: "type", label: "Type" }, { value: "source", label: "Source" },
];
const NEXT: Record<Dimension, Dimension> = { version: "name", name: "version", type: "name", source: "version" };
const FURTHER = "…";

export function Breakdown({ destination = "", source = "" }: { destination?: string; source?: string }) {
  const workspace = useWorkspace();
  const [since, setSince] = useQueryParam("since", "24h");
  const [wanted] = useQueryParam("by", "version");
  const by = DIMENSIONS.find((each) => each === wanted) ?? "version";
  const narrowed = useNarrowed();
  const job = useJob<Counted>();
  const hours = TIMES.find(([value]) => value === since)?.[2] ?? 24;
  const count = () => void job.start("/api/breakdown", { destinations: destination ? [destination] : [], source, from_ms: hours ? Date.now() - hours * 3_600_000 : null });
  useEffect(count, [destination, source, hours]);
  useEffect(() => job.cancel, [job.cancel]);

  const rows = job.result?.rows ?? [];
  const groups = groupBy(rows, by, narrowed, destination);
  const narrow = (group: Group) => router.setQuery({ [`only-${by}`]: group.value || NONE, by: nextOf(by, narrowed) }, { push: true });
  const columns = destination ? endColumns(groups) : planColumns(groups);
  const first: Column<Group> = { key: "value", label: BY.find((one) => one.value === by)!.label, sort: (group) => group.value, cell: (group) => labelOf(by, group.value, (key) => sourceName(workspace, key)) };
  return (
    <>
      <div class="breakdown-choices">
        <Segments label="Tell apart by" value={by} options={BY} onChange={(value) => router.setQuery({ by: value === "version" ? "" : value })} />
        <Segments label="Received in the last" value={since} options={TIMES.map(([value, label]) => ({ value, label }))} onChange={setSince} />
        <button type="button" class="button" disabled={job.running} onClick={count}>Count again</button>
      </div>
      {job.running && <div class="frame frame-pad"><Progress label="Counting in the log" unit="calls" done={job.done} of={job.total} onCancel={job.cancel} /></div>}
      {job.error && <ErrorState message={job.error} onRetry={count} />}
      {job.view?.state === "cancelled" && <Notice tone="odd" title="Counting was cancelled" action={<button type="button" class="button" onClick={count}>Count again</button>}>A shorter time takes less.</Notice>}
      {job.result && (
        <>
          <Chips narrowed={narrowed} name={(key) => sourceName(workspace, key)} />
          {rows.length > 0 && by === "version" && !narrowed.version && groups.every((group) => !group.value) && <Notice title="None of these calls names a version of the app">Clients send it as <code>context.app.version</code>: those for phones by themselves, those for the web and servers when you give them <code>{'{app: {version: "4.12.0"}}'}</code> as context.</Notice>}
          {rows.some((row) => row.type === FURTHER) && <Notice tone="odd" title="There are very many kinds of calls">The rarest are counted together, as {FURTHER}</Notice>}
          <DataTable label={`By ${first.label.toLowerCase()}`} rows={groups} rowKey={(group) => group.value} columns={[first, ...columns]} {...(Object.keys(narrowed).length < BY.length - 1 ? { onRow: narrow } : {})}
            tone={(group) => (isOdd(group, groups, destination) ? "odd" : undefined)}
            empty={<div class="frame"><EmptyState title={Object.keys(narrowed).length ? "Nothing is left" : "Nothing came in this time"} icon={<CatalogueIcon />}>{Object.keys(narrowed).length ? "Take one of the choices above away." : "Choose a longer time, or send an event."}</EmptyState></div>} />
          <Further narrowed={narrowed} destination={destination} groups={groups} />
        </>
      )}
    </>
  );
}

/** In an address, what has no value of its own. */
const NONE = "-";

function useNarrowed(): Narrowed {
  const found: Narrowed = {};
  const [version] = useQueryParam("only-version");
  const [name] = useQueryParam("only-name");
  const [type] = useQueryParam("only-type");
  const [source] = useQueryParam("only-source");
  for (const [key, value] of Object.entries({ version, name, type, source })) if (value) found[key as Dimension] = value === NONE ? "" : value;
  return found;
}

/** What to look at next: the first dimension that is still open. */
function nextOf(by: Dimension, narrowed: Narrowed): string {
  const next = [NEXT[by], ...DIMENSIONS].find((each) => each !== by && narrowed[each] === undefined) ?? by;
  return next === "version" ? "" : next;
}

function labelOf(by: Dimension, value: string, name: (source: string) => string) {
  if (value === FURTHER) return <span class="faint">all others</span>;
  if (!value) return <span class="faint">{by === "version" ? "no version given" : "without a name"}</span>;
  if (by === "type") return <TypeChip type={value} />;
  return by === "source" ? name(value) : by === "version" ? <code>{value}</code> : value;
}

function Chips({ narrowed, name }: { narrowed: Narrowed; name: (source: string) => string }) {
  const chosen = DIMENSIONS.filter((each) => narrowed[each] !== undefined);
  if (!chosen.length) return null;
  return (
    <div class="breakdown-chips" role="group" aria-label="Only these">
      <span class="quiet-text">Only</span>
      {chosen.map((each) => (
        <button key={each} type="button" class="button small" onClick={() => router.setQuery({ [`only-${each}`]: "" })}>
          <span class="quiet-text">{BY.find((one) => one.value === each)!.label}</span> {labelOf(each, narrowed[each]!, name)}<CloseIcon /><span class="sr-only">, take away</span>
        </button>
      ))}
    </div>
  );
}

function isOdd(group: Group, groups: readonly Group[], destination: string): boolean {
  const bad = destination ? (one: Group) => total(one.failed) : (one: Group) => one.violating + total(one.refused);
  const all = destination ? (one: Group) => one.delivered + total(one.failed) : (one: Group) => one.events + total(one.refused);
  return standsOut(bad(group), all(group), sumOf(groups, bad), sumOf(groups, all));
}

function sumOf(groups: readonly Group[], value: (group: Group) => number): number {
  return groups.reduce((sum, group) => sum + value(group), 0);
}

function endColumns(groups: readonly Group[]): Column<Group>[] {
  const share = (group: Group) => { const tried = group.delivered + total(group.failed); return tried ? total(group.failed) / tried : 0; };
  const columns: Column<Group>[] = [
    { key: "events", label: "Events", number: true, sort: (group) => group.events, cell: (group) => whole(group.events) },
    { key: "delivered", label: "Delivered", number: true, sort: (group) => group.delivered, cell: (group) => whole(group.delivered) },
    { key: "filtered", label: "Filtered", number: true, hide: "narrow", sort: (group) => total(group.discarded), cell: (group) => whole(total(group.discarded)) },
    { key: "waiting", label: "Waiting", number: true, hide: "narrow", sort: (group) => group.waiting, cell: (group) => whole(group.waiting) },
    { key: "failed", label: "Failed", number: true, sort: (group) => total(group.failed), cell: (group) => whole(total(group.failed)) },
    { key: "share", label: "Failure rate", number: true, hide: "narrow", sort: share, cell: (group) => <Share value={share(group)} odd={isOdd(group, groups, "x")} /> },
    { key: "why", label: "Why", hide: "medium", cell: (group) => <Reasons counts={group.failed} /> },
  ];
  if (groups.some((group) => group.earlier)) columns.splice(4, 0, { key: "earlier", label: "Before its start", number: true, hide: "medium", sort: (group) => group.earlier, cell: (group) => whole(group.earlier) });
  return columns;
}

function planColumns(groups: readonly Group[]): Column<Group>[] {
  const share = (group: Group) => { const all = group.events + total(group.refused); return all ? (group.violating + total(group.refused)) / all : 0; };
  return [
    { key: "events", label: "Events", number: true, sort: (group) => group.events, cell: (group) => whole(group.events) },
    { key: "violating", label: "With violations", number: true, sort: (group) => group.violating, cell: (group) => whole(group.violating) },
    { key: "refused", label: "Refused", number: true, sort: (group) => total(group.refused), cell: (group) => whole(total(group.refused)) },
    { key: "share", label: "Share of calls", number: true, hide: "narrow", sort: share, cell: (group) => <Share value={share(group)} odd={isOdd(group, groups, "")} /> },
    { key: "what", label: "What", hide: "medium", cell: (group) => <Reasons counts={{ ...group.violations, ...group.refused }} /> },
  ];
}

function Share({ value, odd }: { value: number; odd: boolean }) {
  return <>{odd && <span class="badge odd">stands out</span>} {percent(value)}</>;
}

const MOST_REASONS = 3;

function Reasons({ counts }: { counts: Record<string, number> }) {
  const sorted = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  return (
    <span class="breakdown-reasons">
      {sorted.slice(0, MOST_REASONS).map(([reason, count]) => <span key={reason} class="reason-chip">{reason.startsWith("plan_") ? violationOf(reason) : reason}<b>{whole(count)}</b></span>)}
      {sorted.length > MOST_REASONS && <span class="faint">and {sorted.length - MOST_REASONS} more</span>}
    </span>
  );
}

/** Where to go from here. */
function Further({ narrowed, destination, groups }: { narrowed: Narrowed; destination: string; groups: readonly Group[] }) {
  const words = { version: "context.app.version", name: "event", type: "type" } as const;
  const where = (["version", "name", "type"] as const).filter((each) => narrowed[each] && narrowed[each] !== FURTHER && !(each === "name" && narrowed.type && narrowed.type !== "track")).map((each) => `${words[each]} = ${JSON.stringify(narrowed[each])}`).join(" and ");
  const failed = destination && groups.some((group) => total(group.failed));
  const refused = !destination && groups.some((group) => total(group.refused));
  if (!where && !failed && !refused) return null;
  return (
    <p class="breakdown-further">
      {where && <Link href={withQuery("/live", { where, source: narrowed.source })}>Look at these events</Link>}
      {failed && <Link href={withQuery(`/destinations/${encodeURIComponent(destination)}`, { tab: "letters" })}>To its dead letters</Link>}
      {refused && <Link href="/quarantine">To the refused calls</Link>}
    </p>
  );
}
