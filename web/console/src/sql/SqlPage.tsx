/** Questions to the warehouse: an editor that knows its tables, the answer as a grid and as a picture. Reading alone. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, messageOf, withQuery } from "../api/client";
import { runSql, type SqlResult } from "../api/sql";
import { queryOf, useWarehouses } from "../api/warehouses";
import { CopyButton } from "../ui/CopyButton";
import { download } from "../ui/CodeBlock";
import { whole } from "../ui/format";
import { DownloadIcon, LinkIcon, PlayIcon, WarehouseIcon, WarningIcon } from "../ui/icons";
import { LazyEditor, type Problem } from "../ui/LazyEditor";
import { Page } from "../ui/PageHeader";
import { router, useQueryParam } from "../ui/router";
import { EmptyState } from "../ui/states";
import { Segments } from "../ui/Tabs";
import { WarehouseChoice } from "../warehouse/WarehouseChoice";
import { csvOf } from "./csv";
import { Grid } from "./Grid";
import { ResultChart } from "./ResultChart";
import { completions, sqlName, useSchema, type Table } from "./schema";
import "./sql.css";

const LIMITS = [1000, 10_000] as const;
const KEPT = "sql";
const PAST = "sql-past";
const MOST_PAST = 20;
const EXAMPLES: [string, string][] = [
  ["Newest track calls", "select received_at, event_text, user_id, anonymous_id\nfrom tracks\norder by received_at desc\nlimit 100"],
  ["Events by name", "select event_text, count(*) as events, count(distinct user_id) as users\nfrom tracks\ngroup by 1\norder by events desc"],
  ["Events per minute", "select date_trunc('minute', received_at) as minute, count(*) as events\nfrom tracks\ngroup by 1\norder by minute desc\nlimit 240"],
];

type Answer = { result: SqlResult; sql: string } | { problem: string } | { cancelled: true } | null;

export default function SqlPage() {
  const [sql, setSql] = useState(() => router.query.get("q") ?? sessionStorage.getItem(KEPT) ?? EXAMPLES[0]![1]);
  const [answer, setAnswer] = useState<Answer>(null);
  const [wrong, setWrong] = useState<Problem | null>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  const [limit, setLimit] = useState<number>(LIMITS[0]);
  const [past, setPast] = useState<string[]>(readPast);
  const [view, setView] = useQueryParam("view", "grid");
  const { resource, all, chosen } = useWarehouses();
  const schema = useSchema(chosen);
  const known = useMemo(() => completions(schema.tables), [schema.tables]);
  const now = useRef(running);
  now.current = running;
  useEffect(() => sessionStorage.setItem(KEPT, sql), [sql]);
  useEffect(() => () => now.current?.abort(), []);
  // A link brings another query; a reload keeps the one that is written.
  useEffect(() => { if (router.query.get("q")) router.setQuery({ q: "" }); }, []);

  const warehouse = chosen?.name;
  const latest = useRef(sql);
  latest.current = sql;
  const run = useCallback(async () => {
    const text = latest.current;
    if (now.current || !text.trim()) return;
    const abort = new AbortController();
    now.current = abort;
    setRunning(abort);
    setWrong(null);
    try {
      setAnswer({ result: await runSql(text, limit, abort.signal, warehouse), sql: text });
      setPast(remember(text));
    } catch (error) {
      if (abort.signal.aborted) setAnswer({ cancelled: true });
      else {
        setAnswer({ problem: messageOf(error) });
        const position = error instanceof ApiError ? error.body["position"] : null;
        if (typeof position === "number") setWrong({ from: position, to: wordEnd(text, position), message: messageOf(error).split("\n")[0]! });
      }
    }
    now.current = null;
    setRunning(null);
  }, [limit, warehouse]);
  const change = (text: string) => { setSql(text); setWrong(null); };
  if (resource.data && !chosen) return <Page title="SQL"><EmptyState title="No warehouse is switched on" icon={<WarehouseIcon />}>Add one under <code>warehouses:</code> in trackway.yaml; <code>duckdb: {"{}"}</code> is all it needs.</EmptyState></Page>;

  return (
    <Page title="SQL" note="Read-only; 30 seconds at the most" fill
      actions={<><WarehouseChoice all={all} chosen={chosen} /><CopyButton label="Share" icon={<LinkIcon />} text={() => new URL(withQuery("/sql", { q: sql, ...queryOf(all, chosen) }), location.href).href} title="Copy a link to this query" /></>}>
      <div class="sql">
        <Tables tables={schema.tables} ready={schema.ready} problem={schema.problem || (chosen ? "" : (resource.error?.message ?? ""))} onPick={(text) => change(text)} onReload={() => { resource.reload(); schema.reload(); }} />
        <div class="sql-work">
          <div class="sql-editor"><LazyEditor label="Query" language="sql" value={sql} onChange={change} onRun={() => void run()} schema={known} problem={wrong} placeholder="select …" /></div>
          <div class="sql-actions">
            {running
              ? <button type="button" class="button" onClick={() => running.abort()}>Cancel</button>
              : <button type="button" class="button primary" onClick={() => void run()}><PlayIcon />Run<kbd>Ctrl ⏎</kbd></button>}
            <label class="quiet-text">at most <select class="choice" value={String(limit)} onChange={(event) => setLimit(Number(event.currentTarget.value))}>{LIMITS.map((each) => <option key={each} value={each}>{whole(each)} rows</option>)}</select></label>
            <select class="choice sql-past" aria-label="Queries to begin with" value="" onChange={(event) => { if (event.currentTarget.value) change(event.currentTarget.value); event.currentTarget.value = ""; }}>
              <option value="">Examples and earlier ones</option>
              <optgroup label="Examples">{EXAMPLES.map(([name, text]) => <option key={name} value={text}>{name}</option>)}</optgroup>
              {past.length > 0 && <optgroup label="Earlier">{past.map((text) => <option key={text} value={text}>{text.replace(/\s+/g, " ").slice(0, 70)}</option>)}</optgroup>}
            </select>
          </div>
          <div class="sql-answer" aria-live="polite" aria-busy={running !== null}>
            {running && <p class="sql-none"><i class="spinner" aria-hidden="true" /> Running …</p>}
            {!running && answer === null && <p class="sql-none">Tables and columns are completed while you type. A time without a zone is UTC.</p>}
            {!running && answer && "cancelled" in answer && <p class="sql-none">The query was cancelled.</p>}
            {!running && answer && "problem" in answer && <div class="notice bad sql-problem" role="alert"><WarningIcon /><pre tabIndex={0}>{answer.problem}</pre></div>}
            {!running && answer && "result" in answer && <Answered result={answer.result} limit={limit} view={view} setView={setView} />}
          </div>
        </div>
      </div>
    </Page>
  );
}

function Answered({ result, limit, view, setView }: { result: SqlResult; limit: number; view: string; setView: (view: string) => void }) {
  return (
    <>
      <div class="sql-head">
        <span><b>{whole(result.rows.length)}</b> {result.rows.length === 1 ? "row" : "rows"} in {result.duration_ms < 1000 ? `${Math.round(result.duration_ms)} ms` : `${(result.duration_ms / 1000).toFixed(1)} s`}</span>
        {result.truncated && <span class="sql-truncated">There are more; these are the first {whole(limit)}.</span>}
        <span class="sql-ways">
          <Segments label="Show as" value={view} onChange={setView} options={[{ value: "grid", label: "Grid" }, { value: "chart", label: "Chart" }]} />
          <button type="button" class="button" onClick={() => download("trackway.csv", csvOf(result), "text/csv")}><DownloadIcon />Download CSV</button>
        </span>
      </div>
      {view === "chart" ? <ResultChart result={result} /> : <Grid result={result} />}
    </>
  );
}

function Tables({ tables, ready, problem, onPick, onReload }: { tables: readonly Table[]; ready: boolean; problem: string; onPick: (sql: string) => void; onReload: () => void }) {
  const [text, setText] = useState("");
  const wanted = text.toLowerCase();
  const shown = tables.filter((table) => !wanted || `${table.schema}.${table.name}`.toLowerCase().includes(wanted) || table.columns.some((column) => column.name.toLowerCase().includes(wanted)));
  const schemas = [...new Set(shown.map((table) => table.schema))];
  return (
    <aside class="sql-tables" aria-label="Tables">
      <label class="field"><span class="sr-only">Find a table or a column</span><input type="search" placeholder="Find a table or a column" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
      {problem && <p class="sql-none">{problem} <button type="button" class="button" onClick={onReload}>Try again</button></p>}
      {ready && !problem && !tables.length && <p class="sql-none">There are no tables yet: the first event makes them.</p>}
      {schemas.map((schema) => (
        <section key={schema}>
          <h2>{schema}</h2>
          <ul>
            {shown.filter((table) => table.schema === schema).map((table) => (
              <li key={table.name}>
                <details>
                  <summary title={table.rows === null ? undefined : `About ${whole(table.rows)} rows`}><span>{table.name}</span>{table.rows !== null && <small>{whole(table.rows)}</small>}</summary>
                  <button type="button" class="sql-pick" onClick={() => onPick(`select *\nfrom ${sqlName(table.schema)}.${sqlName(table.name)}\n${table.columns.some((column) => column.name === "received_at") ? "order by received_at desc\n" : ""}limit 100`)}>Show its newest rows</button>
                  <dl>{table.columns.map((column) => <div key={column.name} data-hit={wanted !== "" && column.name.toLowerCase().includes(wanted)}><dt>{column.name}</dt><dd>{column.type.toLowerCase()}</dd></div>)}</dl>
                </details>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </aside>
  );
}

function readPast(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PAST) ?? "[]");
    return Array.isArray(found) ? found.filter((each): each is string => typeof each === "string") : [];
  } catch {
    return [];
  }
}

function remember(sql: string): string[] {
  const past = [sql, ...readPast().filter((each) => each !== sql)].slice(0, MOST_PAST);
  try {
    localStorage.setItem(PAST, JSON.stringify(past));
  } catch {
    // A full store costs the list, not the answer.
  }
  return past;
}

function wordEnd(text: string, from: number): number {
  return from + Math.max(1, /^\w*/.exec(text.slice(from))![0].length);
}
