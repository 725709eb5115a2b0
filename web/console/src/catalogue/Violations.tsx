/** What was not as planned: grouped, counted, with samples; and what went to quarantine for it. */
import { useState } from "preact/hooks";
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import type { Groups } from "../quarantine/api";
import { DataTable } from "../ui/DataTable";
import { Dialog } from "../ui/Dialog";
import { whole } from "../ui/format";
import { CheckIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { EmptyState, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { When } from "../ui/When";
import type { Violation } from "./api";
import { Bars } from "./Bars";
import { violationOf } from "./words";

const DAYS = 30;
const IN_QUARANTINE = new Set(["unplanned", "unplanned_property", "schema_violation", "common_schema_violation"]);

export function Violations({ found, since, source, plans }: { found: readonly Violation[]; since: number; source: string; plans: boolean }) {
  const workspace = useWorkspace();
  const [open, setOpen] = useState<Violation | null>(null);
  const refused = useResource<Groups>(withQuery("/api/quarantine/groups", { source }));
  const blocked = refused.data?.groups.filter((one) => IN_QUARANTINE.has(one.reason)).reduce((all, one) => all + one.count, 0) ?? 0;
  if (!found.length && !blocked) {
    return <EmptyState title={plans ? "Everything came as planned" : "No source follows a plan"} icon={<CheckIcon />}>{plans ? "Values that are missing, of another type or not in the plan would be counted here, for 30 days." : "A tracking plan in the folder plans/ says what events are to have; what does not fit is counted here."}</EmptyState>;
  }
  const byCode = new Map<string, number>();
  for (const one of found) byCode.set(one.code, (byCode.get(one.code) ?? 0) + one.count);
  return (
    <>
      <Stats>
        <Stat label="Violations in 30 days" value={whole(found.reduce((all, one) => all + one.count, 0))} tone="odd" note={`of ${found.length} kinds`} />
        {[...byCode].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([code, count]) => <Stat key={code} label={violationOf(code)} value={whole(count)} />)}
        {blocked > 0 && <Stat label="In quarantine for the plan" value={whole(blocked)} tone="bad" href="/quarantine" />}
      </Stats>
      <div class="catalogue-gap" />
      <DataTable label="Violations" rows={found} rowKey={(one) => JSON.stringify([one.source, one.type, one.name, one.code, one.pointer])} onRow={setOpen} sort="-count"
        columns={[
          { key: "event", label: "Event", sort: (one) => one.name, cell: (one) => one.name || <i>{one.type}</i> },
          { key: "what", label: "What", hide: "narrow", sort: (one) => one.code, cell: (one) => <span class="badge odd">{violationOf(one.code)}</span> },
          { key: "where", label: "Where", sort: (one) => one.pointer, cell: (one) => <code>{one.pointer}</code> },
          { key: "count", label: "Events", number: true, sort: (one) => one.count, cell: (one) => whole(one.count) },
          { key: "days", label: "30 days", hide: "narrow", width: "128px", cell: (one) => <Bars label="Events a day" hours={Array.from({ length: DAYS }, (_, i) => one.days[String(since + i)] ?? 0)} /> },
          { key: "source", label: "Source", hide: "medium", cell: (one) => sourceName(workspace, one.source) },
          { key: "last", label: "Last", hide: "medium", sort: (one) => one.last_ms, cell: (one) => <When at={one.last_ms} /> },
        ]} />
      {open && (
        <Dialog title={`${open.name || open.type}: ${violationOf(open.code)}`} onClose={() => setOpen(null)}>
          <div class="stack">
            <Notice tone="odd" title={<code>{open.pointer}</code>}>{open.detail}</Notice>
            <p>{whole(open.count)} events, first <When at={open.first_ms} />, last <When at={open.last_ms} />. The newest:</p>
            <ul class="catalogue-samples">{open.samples.map((one) => <li key={one.message_id + one.offset}><Link href={`/events/events/${one.partition}/${one.offset}`}><code>{one.message_id}</code></Link></li>)}</ul>
          </div>
        </Dialog>
      )}
    </>
  );
}
