/** Comparing a warehouse with the log, and making a table of it anew: both take long, so they tell how far they are. */
import type { ComponentChildren } from "preact";
import { useJob, type Job } from "../api/useJob";
import { useResource } from "../api/useResource";
import { confirm } from "../ui/Dialog";
import { whole } from "../ui/format";
import { Progress } from "../ui/Progress";
import { Notice } from "../ui/states";

interface Verified {
  tables: { table: string; log: number; rows: number; missing: number; surplus: number }[];
  differences: number;
}

interface Rebuilt {
  table: string;
  rows: number;
  carried: number;
  diverted: number;
}

const actOf = (warehouse: string, action: string) => `/api/warehouse/${encodeURIComponent(warehouse)}/${action}`;

/** A button that counts every table against the log, and what came of it. */
export function useVerify(warehouse: string): { button: ComponentChildren; outcome: ComponentChildren } {
  const job = useJob<Verified>();
  const found = job.result;
  const wrong = found?.tables.filter((one) => one.missing + one.surplus > 0) ?? [];
  return {
    button: <button type="button" class="button" disabled={job.running} onClick={() => void job.start(actOf(warehouse, "verify"), {})}>Compare with the log</button>,
    outcome: (
      <Outcome job={job} label="Counting each table against the log">
        {found && (wrong.length === 0
          ? <Notice tone="good" title={`All ${whole(found.tables.length)} tables agree with the log`} />
          : <Notice tone="bad" title={`${whole(wrong.length)} of ${whole(found.tables.length)} tables differ from the log`}>
              {wrong.map((one) => <p key={one.table}><code>{one.table}</code>: {whole(one.missing)} rows missing, {whole(one.surplus)} too many. Open the table to rebuild it.</p>)}
            </Notice>)}
      </Outcome>
    ),
  };
}

/** A button that makes a table anew from the log, and what came of it; nothing with several warehouses, which have a table each. */
export function useRebuild(table: string): { button: ComponentChildren; outcome: ComponentChildren } {
  const warehouses = useResource<{ warehouses: { name: string }[] }>("/api/warehouse").data?.warehouses ?? [];
  const job = useJob<Rebuilt>();
  const only = warehouses.length === 1 ? warehouses[0]!.name : null;
  const start = async () => {
    const body = "It is made from all events that the log still has, in today's types, and takes the old one's place when it is whole. Rows whose events the log has no more are taken over. Loading goes on meanwhile.";
    if (only && (await confirm({ title: `Rebuild ${table}?`, body, action: "Rebuild" }))) void job.start(actOf(only, "rebuild"), { table });
  };
  const found = job.result;
  return {
    button: only && <button type="button" class="button" disabled={job.running} onClick={() => void start()}>Rebuild …</button>,
    outcome: (
      <Outcome job={job} label="Reading the log">
        {found && <Notice tone="good" title={`The table was made anew: ${whole(found.rows)} rows`}>{found.carried > 0 && <>{whole(found.carried)} were taken over, since the log has their events no more. </>}{found.diverted > 0 && <>{whole(found.diverted)} values did not fit and stand in <code>_rest</code>.</>}</Notice>}
      </Outcome>
    ),
  };
}

function Outcome({ job, label, children }: { job: Job<unknown>; label: string; children: ComponentChildren }) {
  return (
    <>
      {job.running && <div class="frame frame-pad"><Progress label={label} done={job.done} of={job.total} onCancel={job.cancel} /></div>}
      {job.view?.state === "cancelled" && <Notice tone="odd" title="Cancelled; nothing was changed" />}
      {job.error && <Notice tone="bad" title="It did not work">{job.error}</Notice>}
      {children}
    </>
  );
}
