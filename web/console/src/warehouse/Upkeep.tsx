/** Looking after a warehouse: compare it with the log, make a table anew, copy it. All take long, and tell how far they are. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useJob, type Job } from "../api/useJob";
import type { Warehouse } from "../api/warehouses";
import { bytes } from "../ui/bytes";
import { confirm } from "../ui/Dialog";
import { whole } from "../ui/format";
import { Progress } from "../ui/Progress";
import { Notice } from "../ui/states";
import { span } from "../ui/time";
import { When } from "../ui/When";

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

/** Making a table anew from the log, as it is or with another type of a column; `turn` changes when it was done. */
export function useRemake(warehouse: string, table: string, onDone: () => void): { button: ComponentChildren; outcome: ComponentChildren; retype: (column: string, type: string) => void; running: boolean; turn: number } {
  const job = useJob<Rebuilt>();
  const [changed, setChanged] = useState<{ column: string; type: string } | null>(null);
  const [turn, setTurn] = useState(0);
  const act = async (action: string, body: object) => {
    const ended = await job.start(actOf(warehouse, action), { table, ...body });
    if (ended?.state !== "done") return;
    setTurn((count) => count + 1);
    onDone();
  };
  const rebuild = async () => {
    const body = "It is made from all events that the log still has, in today's types, and takes the old one's place when it is whole. Rows whose events the log has no more are taken over. Loading goes on meanwhile.";
    if (!(await confirm({ title: `Rebuild ${table}?`, body, action: "Rebuild" }))) return;
    setChanged(null);
    void act("rebuild", {});
  };
  const retype = (column: string, type: string) => {
    setChanged({ column, type });
    void act("retype", { column, type });
  };
  const found = job.result;
  return {
    retype, turn,
    running: job.running,
    button: <button type="button" class="button" disabled={job.running} onClick={() => void rebuild()}>Rebuild …</button>,
    outcome: (
      <Outcome job={job} label="Reading the log">
        {found && <Notice tone="good" title={<>{changed && (changed.type === "auto" ? <>The type of <code>{changed.column}</code> follows its values. </> : <><code>{changed.column}</code> is {changed.type} now. </>)}The table was made anew: {whole(found.rows)} rows</>}>{found.carried > 0 && <>{whole(found.carried)} were taken over, since the log has their events no more. </>}{found.diverted > 0 && <>{whole(found.diverted)} values did not fit and stand in <code>_rest</code>.</>}</Notice>}
      </Outcome>
    ),
  };
}

/** A button that copies the warehouse for other tools, where its type needs that. */
export function useSnapshot({ name, snapshot }: Warehouse): { button: ComponentChildren; outcome: ComponentChildren } {
  const job = useJob<{ path: string; bytes: number }>();
  return {
    button: snapshot && <button type="button" class="button" disabled={job.running} onClick={() => void job.start(actOf(name, "snapshot"), {})}>Copy for other tools</button>,
    outcome: (
      <Outcome job={job} label="Copying the file; loads wait meanwhile" show={bytes} unchanged="Cancelled; the last copy is as it was">
        {job.result && <Notice tone="good" title={`${bytes(job.result.bytes)} were copied`}>Open <code>{job.result.path}</code> with any tool that reads DuckDB files. The next copy replaces it at once; a tool that has it open keeps this one.</Notice>}
      </Outcome>
    ),
  };
}

/** How other tools read a warehouse of this type. */
export function ForOtherTools({ warehouse: { type, snapshot } }: { warehouse: Warehouse }) {
  if (!snapshot) return <p class="warehouse-others quiet-text">{type === "postgres" ? "Other tools connect to the PostgreSQL database itself; it needs no copy." : "Other tools read the files where they are; they need no copy."}</p>;
  return (
    <p class="warehouse-others quiet-text">
      For other tools: {snapshot.made_ms ? <>the copy <code>{snapshot.path}</code> was made <When at={snapshot.made_ms} /></> : "no copy was made yet, and DuckDB lets no other program open the file that it loads"}; {snapshot.every_s ? <>it is made every {span(snapshot.every_s)}.</> : <><code>snapshot_every: 5m</code> in trackway.yaml makes one regularly.</>}
    </p>
  );
}

interface OutcomeProps {
  job: Job<unknown>;
  label: string;
  show?: (value: number) => string;
  unchanged?: string;
  children: ComponentChildren;
}

function Outcome({ job, label, show, unchanged = "Cancelled; nothing was changed", children }: OutcomeProps) {
  const progress = useRef<HTMLDivElement>(null);
  // It may have been begun far down the page, beside a column.
  useEffect(() => { if (job.running) progress.current?.scrollIntoView({ block: "center" }); }, [job.running]);
  return (
    <>
      {job.running && <div class="frame frame-pad" ref={progress}><Progress label={label} done={job.done} of={job.total} show={show} onCancel={job.cancel} /></div>}
      {job.view?.state === "cancelled" && <Notice tone="odd" title={unchanged} />}
      {job.error && <Notice tone="bad" title="It did not work">{job.error}</Notice>}
      {children}
    </>
  );
}
