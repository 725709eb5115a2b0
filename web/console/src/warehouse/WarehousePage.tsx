/** Warehouses: how far they are loaded, their tables and columns, and values that did not fit. */
import { useEffect, useState } from "preact/hooks";
import { isAbort, messageOf, withQuery } from "../api/client";
import { runSql, type SqlResult } from "../api/sql";
import { queryOf, useWarehouses, type Load, type Warehouse } from "../api/warehouses";
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
import { RetypeDialog, type Column } from "./RetypeDialog";
import { ForOtherTools, useRemake, useSnapshot, useVerify } from "./Upkeep";
import { WarehouseChoice } from "./WarehouseChoice";
import "./warehouse.css";

const REST = "_rest";

export default function WarehousePage({ params }: { params: Record<string, string> }) {
  const { schema: of, table } = params;
  return of !== undefined && table !== undefined ? <TablePage of={of} name={table} /> : <All />;
}

function All() {
  const { resource, all, chosen } = useWarehouses(2000);
  const schema = useSchema(chosen);
  const [text, setText] = useQueryParam("q");
  return (
    <Page title="Warehouse" note="Events as tables" actions={chosen && <Link class="button" href={withQuery("/sql", queryOf(all, chosen))}>Ask in SQL</Link>}>
      <Fetched resource={resource}>
        {({ warehouses }) => warehouses.length
          ? <>{warehouses.map((one) => <LoadState key={one.name} warehouse={one} />)}</>
          : <EmptyState title="No warehouse is switched on" icon={<WarehouseIcon />}>Add one under <code>warehouses:</code> in trackway.yaml; <code>duckdb: {"{}"}</code> is all it needs.</EmptyState>}
      </Fetched>
      {chosen && (
        <Section title={all.length > 1 ? <>Tables of {chosen.name}</> : "Tables"} note={schema.tables.length ? whole(schema.tables.length) : undefined}
          actions={<><WarehouseChoice all={all} chosen={chosen} /><label class="field warehouse-find"><span class="sr-only">Find a table or a column</span><input type="search" placeholder="Find a table or a column" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label></>}>
          <Tables schema={schema} text={text} query={queryOf(all, chosen)} />
        </Section>
      )}
    </Page>
  );
}

function Tables({ schema, text, query }: { schema: Schema; text: string; query: { warehouse?: string } }) {
  if (schema.problem) return <ErrorState message={schema.problem} onRetry={schema.reload} />;
  if (!schema.ready) return <Loading />;
  const wanted = text.toLowerCase();
  const rows = schema.tables.filter((table) => !wanted || `${table.schema}.${table.name}`.toLowerCase().includes(wanted) || table.columns.some((column) => column.name.toLowerCase().includes(wanted)));
  return (
    <DataTable label="All tables" rows={rows} rowKey={(table) => `${table.schema}.${table.name}`} href={(table) => withQuery(pageOf(table), query)} sort={rows.some((table) => table.rows !== null) ? "-rows" : ""}
      empty={<div class="frame"><EmptyState title={text ? "No table fits" : "There are no tables yet"}>{text ? "Look for less of its name." : "The first event makes them: one for all track calls, and one for each event."}</EmptyState></div>}
      columns={[
        { key: "name", label: "Table", sort: (table) => table.name, cell: (table) => <code>{table.name}</code> },
        { key: "schema", label: "Schema", sort: (table) => table.schema, cell: (table) => <code class="quiet-text">{table.schema}</code> },
        { key: "rows", label: "Rows, about", number: true, sort: (table) => table.rows ?? -1, cell: (table) => table.rows === null ? <span class="faint">not counted</span> : whole(table.rows) },
        { key: "columns", label: "Columns", number: true, hide: "narrow", sort: (table) => table.columns.length, cell: (table) => whole(table.columns.length) },
        { key: "rest", label: "", head: <span class="sr-only">Diverted values</span>, hide: "narrow", cell: (table) => table.columns.some((column) => column.name === REST) && <span class="badge odd">diverted values</span> },
      ]} />
  );
}

function pageOf(table: { schema: string; name: string }): string {
  return `/warehouse/${encodeURIComponent(table.schema)}/${encodeURIComponent(table.name)}`;
}

/** When, to the second, in the viewer's zone. */
const second = (iso: string) => clock(iso).replace(/[.]\d+$/, "");

/** More than what comes between two loads of a busy workspace. */
const BEHIND = 10_000;

function LoadState({ warehouse }: { warehouse: Warehouse }) {
  const { status } = warehouse;
  const load = status.last_load;
  const behind = status.lag > BEHIND;
  const verify = useVerify(warehouse.name);
  const snapshot = useSnapshot(warehouse);
  const tone = status.state === "failing" ? "bad" : behind ? "odd" : "good";
  return (
    <Section title={warehouse.name} note={<>{warehouse.type} <span class={`badge ${tone}`}>{status.state !== "idle" ? status.state : behind ? "behind" : "up to date"}</span></>} actions={<>{snapshot.button}{verify.button}</>}>
      {snapshot.outcome}
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
      <ForOtherTools warehouse={warehouse} />
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

function TablePage({ of, name }: { of: string; name: string }) {
  useTitle(`${of}.${name}`);
  const { resource, all, chosen } = useWarehouses();
  const schema = useSchema(chosen);
  const remake = useRemake(chosen?.name ?? "", `${of}.${name}`, schema.reload);
  const [retyping, setRetyping] = useState<Column | null>(null);
  const query = queryOf(all, chosen);
  const table = schema.tables.find((one) => one.schema === of && one.name === name);
  if (resource.error && !chosen) return <ErrorState message={resource.error.message} onRetry={resource.reload} />;
  if (schema.problem) return <ErrorState message={schema.problem} onRetry={schema.reload} />;
  if (resource.data && !chosen) return <EmptyState title="No warehouse is switched on" icon={<WarehouseIcon />} action={<Link class="button" href="/warehouse">To the warehouses</Link>}>Add one under <code>warehouses:</code> in trackway.yaml.</EmptyState>;
  if (!chosen || !schema.ready) return <Loading />;
  if (!table) return <Page title={<code>{name}</code>} back={{ href: withQuery("/warehouse", query), label: "Warehouse" }}><EmptyState title={`There is no table ${of}.${name}`} icon={<WarehouseIcon />} action={<Link class="button" href={withQuery("/warehouse", query)}>To the tables</Link>}>{all.length > 1 && <>Not in {chosen.name}. </>}It is made with the first event that belongs into it.</EmptyState></Page>;
  const newest = `select *\nfrom ${sqlName(of)}.${sqlName(name)}\n${table.columns.some((column) => column.name === "received_at") ? "order by received_at desc\n" : ""}limit 50`;
  return (
    <Page title={<code>{name}</code>} back={{ href: withQuery("/warehouse", query), label: "Warehouse" }} note={<span>schema <code>{of}</code>{table.rows !== null && <>, about {whole(table.rows)} rows</>}{all.length > 1 && <>, in {chosen.name}</>}</span>}
      actions={<><WarehouseChoice all={all} chosen={chosen} />{remake.button}<Link class="button primary" href={withQuery("/sql", { q: newest, ...query })}>Ask in SQL</Link></>}>
      {remake.outcome}
      {table.columns.some((column) => column.name === REST) && <Diverted key={remake.turn} warehouse={chosen} of={of} name={name} />}
      <Section title="Newest rows"><Rows key={remake.turn} sql={newest} warehouse={chosen.name} /></Section>
      <Section title="Columns" note={whole(table.columns.length)}>
        <Columns table={table} own={[...chosen.own_columns, REST]} onRetype={remake.running ? undefined : setRetyping} />
      </Section>
      {retyping && <RetypeDialog table={`${of}.${name}`} column={retyping} onClose={() => setRetyping(null)} onRetype={(type) => { setRetyping(null); remake.retype(retyping.name, type); }} />}
    </Page>
  );
}

function Columns({ table, own, onRetype }: { table: Table; own: readonly string[]; onRetype: ((column: Column) => void) | undefined }) {
  return (
    <DataTable label="All columns" rows={table.columns} rowKey={(column) => column.name}
      columns={[
        { key: "name", label: "Column", sort: (column) => column.name, cell: (column) => <code>{column.name}</code> },
        { key: "type", label: "Type", sort: (column) => column.type, cell: (column) => column.type.toLowerCase() },
        { key: "from", label: "From", hide: "narrow", cell: (column) => <span class="quiet-text">{originOf(column.name)}</span> },
        { key: "retype", label: "", head: <span class="sr-only">Change its type</span>, width: "130px", cell: (column) => own.includes(column.name) ? <span class="faint">keeps its type</span> : <button type="button" class="button small" disabled={!onRetype} aria-label={`Change type … of ${column.name}`} onClick={() => onRetype?.(column)}>Change type …</button> },
      ]} />
  );
}

const OWN: Record<string, string> = { id: "the message id", uuid_ts: "when the row was loaded", event: "the event’s name as a table’s name", event_text: "the event’s name", [REST]: "values that did not fit their column" };

function originOf(column: string): string {
  if (column in OWN) return OWN[column]!;
  return column.startsWith("context_") ? "the context" : /^(received_at|sent_at|original_timestamp|timestamp)$/.test(column) ? "the event’s times" : /^(user_id|anonymous_id|group_id|previous_id)$/.test(column) ? "the event’s ids" : "a property or trait";
}

/** Ask once; null while the answer is on its way. */
function useAnswer(sql: string, warehouse: string): { result: SqlResult | null; problem: string } {
  const [state, setState] = useState<{ result: SqlResult | null; problem: string }>({ result: null, problem: "" });
  useEffect(() => {
    const abort = new AbortController();
    runSql(sql, 1000, abort.signal, warehouse).then((result) => setState({ result, problem: "" }), (error: unknown) => { if (!isAbort(error)) setState({ result: null, problem: messageOf(error) }); });
    return () => abort.abort();
  }, [sql, warehouse]);
  return state;
}

function Rows({ sql, warehouse }: { sql: string; warehouse: string }) {
  const { result, problem } = useAnswer(sql, warehouse);
  if (problem) return <ErrorState message={problem} />;
  if (!result) return <Loading />;
  return result.rows.length ? <div class="frame warehouse-rows"><Grid result={result} /></div> : <div class="frame"><EmptyState title="The table is empty" /></div>;
}

/** What lists the members of `_rest`, by type of warehouse. */
const MEMBERS = {
  duckdb: `unnest(json_keys(${REST}))`,
  files: `unnest(json_keys(${REST}))`,
  postgres: `jsonb_object_keys(${REST}::jsonb)`,
};

function Diverted({ warehouse, of, name }: { warehouse: Warehouse; of: string; name: string }) {
  const table = `${sqlName(of)}.${sqlName(name)}`;
  const { result, problem } = useAnswer(`select column_name, count(*) as values_diverted, min(sample) as sample from (select ${MEMBERS[warehouse.type]} as column_name, cast(${REST} as text) as sample from ${table} where ${REST} is not null) as found group by 1 order by 2 desc`, warehouse.name);
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
