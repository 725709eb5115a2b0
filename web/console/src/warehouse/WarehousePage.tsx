/** Warehouses: how far they are loaded, their tables and columns, and values that did not fit. */
import { useEffect, useState } from "preact/hooks";
import { isAbort, messageOf, withQuery } from "../api/client";
import { runSql, type SqlResult } from "../api/sql";
import { useResource } from "../api/useResource";
import { Grid } from "../sql/Grid";
import { sqlName, useSchema, type Schema, type Table } from "../sql/schema";
import { DataTable } from "../ui/DataTable";
import { clock, moment, sum, whole } from "../ui/format";
import { CheckIcon, WarehouseIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { EmptyState, ErrorState, Fetched, Loading, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { span } from "../ui/time";
import { When } from "../ui/When";
import "../sql/sql.css";
import { useRebuild, useVerify } from "./Upkeep";
import "./warehouse.css";

interface Load {
  at: string;
  duration_s: number;
  events: number;
  rows: Record<string, number>;
  left_out: number;
  unreadable: number;
  columns_added: string[];
  columns_widened: Record<string, string>;
  diverted?: Record<string, number>;
}

interface Warehouse {
  name: string;
  type: string;
  /** Columns that got another type, or whose values did not fit. */
  findings: { column: string; code: "diverted" | "widened"; count: number; first_ms: number; last_ms: number; detail: string }[];
  status: {
    state: "starting" | "idle" | "loading" | "failing" | "stopped";
    events: number;
    left_out: number;
    unreadable: number;
    missed: number;
    rows: Record<string, number>;
    columns_added: number;
    columns_widened: number;
    loads: number;
    last_load: Load | null;
    lag: number;
    error: string | null;
    error_at: string | null;
    failures: number;
    /** When the next load begins, or the next try, if that is known. */
    next_at: string | null;
  };
}

const REST = "_rest";

export default function WarehousePage({ params }: { params: Record<string, string> }) {
  const schema = useSchema();
  const { schema: of, table } = params;
  return of !== undefined && table !== undefined ? <TablePage schema={schema} of={of} name={table} /> : <All schema={schema} />;
}

function All({ schema }: { schema: Schema }) {
  const found = useResource<{ warehouses: Warehouse[] }>("/api/warehouse", { everyMs: 2000 });
  const [text, setText] = useQueryParam("q");
  return (
    <Page title="Warehouse" note="Events as tables" actions={<Link class="button" href="/sql">Ask in SQL</Link>}>
      <Fetched resource={found}>
        {({ warehouses }) => (
          <>
            {!warehouses.length && <EmptyState title="No warehouse is switched on" icon={<WarehouseIcon />}>Add one under <code>warehouses:</code> in trackway.yaml; <code>duckdb: {"{}"}</code> is all it needs.</EmptyState>}
            {warehouses.map((one) => <LoadState key={one.name} warehouse={one} />)}
          </>
        )}
      </Fetched>
      <Section title="Tables" note={schema.tables.length ? whole(schema.tables.length) : undefined} actions={<label class="field warehouse-find"><span class="sr-only">Find a table or a column</span><input type="search" placeholder="Find a table or a column" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>}>
        <Tables schema={schema} text={text} />
      </Section>
    </Page>
  );
}

function Tables({ schema, text }: { schema: Schema; text: string }) {
  if (schema.problem) return <ErrorState message={schema.problem} onRetry={schema.reload} />;
  if (!schema.ready) return <Loading />;
  const wanted = text.toLowerCase();
  const rows = schema.tables.filter((table) => !wanted || `${table.schema}.${table.name}`.toLowerCase().includes(wanted) || table.columns.some((column) => column.name.toLowerCase().includes(wanted)));
  return (
    <DataTable label="All tables" rows={rows} rowKey={(table) => `${table.schema}.${table.name}`} href={pageOf} sort="-rows"
      empty={<div class="frame"><EmptyState title={text ? "No table fits" : "There are no tables yet"}>{text ? "Look for less of its name." : "The first event makes them: one for all track calls, and one for each event."}</EmptyState></div>}
      columns={[
        { key: "name", label: "Table", sort: (table) => table.name, cell: (table) => <code>{table.name}</code> },
        { key: "schema", label: "Schema", sort: (table) => table.schema, cell: (table) => <code class="quiet-text">{table.schema}</code> },
        { key: "rows", label: "Rows, about", number: true, sort: (table) => table.rows, cell: (table) => whole(table.rows) },
        { key: "columns", label: "Columns", number: true, hide: "narrow", sort: (table) => table.columns.length, cell: (table) => whole(table.columns.length) },
        { key: "rest", label: "", head: <span class="sr-only">Diverted values</span>, hide: "narrow", cell: (table) => table.columns.some((column) => column.name === REST) && <span class="badge odd">diverted values</span> },
      ]} />
  );
}

function pageOf(table: { schema: string; name: string }): string {
  return `/warehouse/${encodeURIComponent(table.schema)}/${encodeURIComponent(table.name)}`;
}

/** When, to the second. */
const second = (iso: string) => clock(iso).replace(/[.]\d+$/, "");

/** More than what comes between two loads of a busy workspace. */
const BEHIND = 10_000;

function LoadState({ warehouse }: { warehouse: Warehouse }) {
  const { status } = warehouse;
  const load = status.last_load;
  const behind = status.lag > BEHIND;
  const verify = useVerify(warehouse.name);
  const tone = status.state === "failing" ? "bad" : behind ? "odd" : "good";
  return (
    <Section title={warehouse.name} note={<>{warehouse.type} <span class={`badge ${tone}`}>{status.state !== "idle" ? status.state : behind ? "behind" : "up to date"}</span></>} actions={verify.button}>
      {verify.outcome}
      {status.error && <Notice tone="bad" title={`Loading failed ${status.failures} ${status.failures === 1 ? "time" : "times"}; it is tried again${status.next_at ? ` at ${second(status.next_at)}` : ""}`}>{status.error}</Notice>}
      {status.missed > 0 && <Notice tone="bad" title={`${whole(status.missed)} events were deleted from the log before they were loaded`}>Raise <code>log.keep</code> in the settings.</Notice>}
      <Stats>
        <Stat label="Events to load" value={whole(status.lag)} tone={behind ? "odd" : "good"} note={behind ? "behind the log" : !status.lag ? "nothing waits" : status.next_at && !status.error ? `by the load at ${second(status.next_at)}` : "with the next load"} />
        <Stat label="Loaded since the start" value={whole(status.events)} unit="events" note={`${whole(sum(status.rows))} rows in ${whole(status.loads)} ${status.loads === 1 ? "load" : "loads"}`} />
        <Stat label="Last load" value={load ? <When at={load.at} /> : "none yet"} note={load ? `${whole(load.events)} events in ${span(load.duration_s)}` : "since the start"} />
        <Stat label="New columns" value={whole(status.columns_added)} note={status.columns_widened ? `${whole(status.columns_widened)} changed their type` : "since the start"} />
        <Stat label="Left out" value={whole(status.left_out)} note="by their integrations" />
      </Stats>
      {load && <LastLoad load={load} />}
      {warehouse.findings.length > 0 && (
        <div class="warehouse-findings">
          <DataTable label={`Findings of ${warehouse.name}`} rows={warehouse.findings} rowKey={(one) => one.column + one.code}
            columns={[
              { key: "column", label: "Column", sort: (one) => one.column, cell: (one) => <code>{one.column}</code> },
              { key: "what", label: "What", cell: (one) => <span class="badge odd">{one.code === "diverted" ? "values diverted" : `became ${one.detail.toLowerCase()}`}</span> },
              { key: "count", label: "Times", number: true, sort: (one) => one.count, cell: (one) => whole(one.count) },
              { key: "last", label: "Last", hide: "narrow", sort: (one) => one.last_ms, cell: (one) => <When at={one.last_ms} /> },
            ]} />
        </div>
      )}
    </Section>
  );
}

function LastLoad({ load }: { load: Load }) {
  const diverted = Object.entries(load.diverted ?? {});
  const widened = Object.entries(load.columns_widened);
  const rows = Object.entries(load.rows).sort((one, other) => other[1] - one[1]);
  return (
    <details class="warehouse-load frame">
      <summary>The last load, {moment(load.at)}</summary>
      <div class="warehouse-parts">
        <div><h3>Rows written</h3><ul>{rows.map(([table, count]) => <li key={table}><b>{whole(count)}</b> <code>{table}</code></li>)}</ul>{!rows.length && <p class="none">None.</p>}</div>
        {load.columns_added.length > 0 && <div><h3>New columns</h3><ul>{load.columns_added.map((column) => <li key={column}><code>{column}</code></li>)}</ul></div>}
        {widened.length > 0 && <div><h3>Another type</h3><ul>{widened.map(([column, type]) => <li key={column}><code>{column}</code> is {type.toLowerCase()}</li>)}</ul></div>}
        {diverted.length > 0 && <div><h3>Diverted to <code>{REST}</code></h3><ul>{diverted.map(([column, count]) => <li key={column}><b>{whole(count)}</b> <code>{column}</code></li>)}</ul></div>}
      </div>
    </details>
  );
}

function TablePage({ schema, of, name }: { schema: Schema; of: string; name: string }) {
  useTitle(`${of}.${name}`);
  const rebuild = useRebuild(`${of}.${name}`);
  const table = schema.tables.find((one) => one.schema === of && one.name === name);
  if (schema.problem) return <ErrorState message={schema.problem} onRetry={schema.reload} />;
  if (!schema.ready) return <Loading />;
  if (!table) return <EmptyState title={`There is no table ${of}.${name}`} icon={<WarehouseIcon />} action={<Link class="button" href="/warehouse">To the tables</Link>}>It is made with the first event that belongs into it.</EmptyState>;
  const newest = `select *\nfrom ${sqlName(of)}.${sqlName(name)}\n${table.columns.some((column) => column.name === "received_at") ? "order by received_at desc\n" : ""}limit 50`;
  return (
    <Page title={<code>{name}</code>} back={{ href: "/warehouse", label: "Warehouse" }} note={<span>schema <code>{of}</code>, about {whole(table.rows)} rows</span>}
      actions={<>{rebuild.button}<Link class="button primary" href={withQuery("/sql", { q: newest })}>Ask in SQL</Link></>}>
      {rebuild.outcome}
      {table.columns.some((column) => column.name === REST) && <Diverted of={of} name={name} />}
      <Section title="Newest rows"><Rows sql={newest} /></Section>
      <Section title="Columns" note={whole(table.columns.length)}>
        <Columns table={table} />
      </Section>
    </Page>
  );
}

function Columns({ table }: { table: Table }) {
  return (
    <DataTable label="All columns" rows={table.columns} rowKey={(column) => column.name}
      columns={[
        { key: "name", label: "Column", sort: (column) => column.name, cell: (column) => <code>{column.name}</code> },
        { key: "type", label: "Type", sort: (column) => column.type, cell: (column) => column.type.toLowerCase() },
        { key: "from", label: "From", hide: "narrow", cell: (column) => <span class="quiet-text">{originOf(column.name)}</span> },
      ]} />
  );
}

const OWN: Record<string, string> = { id: "the message id", uuid_ts: "when the row was loaded", event: "the event’s name as a table’s name", event_text: "the event’s name", [REST]: "values that did not fit their column" };

function originOf(column: string): string {
  if (column in OWN) return OWN[column]!;
  return column.startsWith("context_") ? "the context" : /^(received_at|sent_at|original_timestamp|timestamp)$/.test(column) ? "the event’s times" : /^(user_id|anonymous_id|group_id|previous_id)$/.test(column) ? "the event’s ids" : "a property or trait";
}

/** Ask once; null while the answer is on its way. */
function useAnswer(sql: string): { result: SqlResult | null; problem: string } {
  const [state, setState] = useState<{ result: SqlResult | null; problem: string }>({ result: null, problem: "" });
  useEffect(() => {
    const abort = new AbortController();
    runSql(sql, 1000, abort.signal).then((result) => setState({ result, problem: "" }), (error: unknown) => { if (!isAbort(error)) setState({ result: null, problem: messageOf(error) }); });
    return () => abort.abort();
  }, [sql]);
  return state;
}

function Rows({ sql }: { sql: string }) {
  const { result, problem } = useAnswer(sql);
  if (problem) return <ErrorState message={problem} />;
  if (!result) return <Loading />;
  return result.rows.length ? <div class="frame warehouse-rows"><Grid result={result} /></div> : <div class="frame"><EmptyState title="The table is empty" /></div>;
}

function Diverted({ of, name }: { of: string; name: string }) {
  const table = `${sqlName(of)}.${sqlName(name)}`;
  const { result, problem } = useAnswer(`select column_name, count(*) as values_diverted, any_value(sample) as sample from (select unnest(json_keys(${REST})) as column_name, ${REST} as sample from ${table} where ${REST} is not null) group by all order by 2 desc`);
  return (
    <Section title="Diverted values" note={<>that did not fit their column; they stand in <code>{REST}</code></>}>
      {problem ? <ErrorState message={problem} /> : !result ? <Loading /> : !result.rows.length ? <p class="none warehouse-fine"><CheckIcon /> Every value fits its column.</p> : (
        <DataTable label="Columns with diverted values" rows={result.rows} rowKey={(row) => String(row[0])}
          columns={[
            { key: "column", label: "Column", cell: (row) => <code>{String(row[0])}</code> },
            { key: "count", label: "Values", number: true, cell: (row) => whole(Number(row[1])) },
            { key: "sample", label: "One of them", cell: (row) => <code class="warehouse-sample">{String(row[2])}</code> },
          ]} />
      )}
    </Section>
  );
}
