import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { runSql, type SqlResult } from "../api/sql";
import "./sql.css";
import { whole } from "../ui/format";
import { PlayIcon, WarningIcon } from "../ui/icons";
import { csvOf, textOf } from "./csv";

const LIMIT = 1000;
const KEPT = "sql";
const EXAMPLES: [string, string][] = [
  ["Newest track calls", "select received_at, event_text, user_id, anonymous_id\nfrom tracks\norder by received_at desc\nlimit 100"],
  ["Events by name", "select event_text, count(*) as events, count(distinct user_id) as users\nfrom tracks\ngroup by all\norder by events desc"],
  ["Events per minute", "select date_trunc('minute', received_at) as minute, count(*) as events\nfrom tracks\ngroup by all\norder by minute desc\nlimit 60"],
  ["All tables", "show all tables"],
];

type Answer = { result: SqlResult } | { problem: string } | null;

/** Questions to the warehouse. */
export default function SqlPage() {
  const [sql, setSql] = useState(() => sessionStorage.getItem(KEPT) ?? EXAMPLES[0]![1]);
  const [answer, setAnswer] = useState<Answer>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  const now = useRef(running);
  now.current = running;
  useEffect(() => sessionStorage.setItem(KEPT, sql), [sql]);
  useEffect(() => () => now.current?.abort(), []);

  const run = async () => {
    if (running || !sql.trim()) return;
    const abort = new AbortController();
    setRunning(abort);
    try {
      setAnswer({ result: await runSql(sql, LIMIT, abort.signal) });
    } catch (error) {
      if (!abort.signal.aborted) setAnswer({ problem: error instanceof ApiError ? error.message : String(error) });
    }
    setRunning(null);
  };

  return (
    <div class="sql">
      <header class="page-head">
        <h1>SQL</h1>
        <span class="page-note">Reads the warehouse; at most {whole(LIMIT)} rows, 30 seconds</span>
      </header>
      <div class="editor">
        <label class="sr-only" for="sql">Query</label>
        <textarea id="sql" value={sql} spellcheck={false} autocomplete="off" rows={7}
          onInput={(event) => setSql(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void run(); }
          }} />
        <div class="editor-actions">
          {running ? (
            <button type="button" class="button" onClick={() => running.abort()}>Stop waiting</button>
          ) : (
            <button type="button" class="button primary" onClick={() => void run()}><PlayIcon />Run<kbd>Ctrl ⏎</kbd></button>
          )}
          <span class="examples">
            {EXAMPLES.map(([name, text]) => <button key={name} type="button" class="button quiet" onClick={() => setSql(text)}>{name}</button>)}
          </span>
        </div>
      </div>
      <div class="answer" aria-live="polite" aria-busy={running !== null}>
        {running && <p class="none">Running …</p>}
        {!running && answer && "problem" in answer && <p class="notice bad" role="alert"><WarningIcon /><span class="problem">{answer.problem}</span></p>}
        {!running && answer && "result" in answer && <Result result={answer.result} />}
      </div>
    </div>
  );
}

function Result({ result }: { result: SqlResult }) {
  const numeric = result.columns.map((column) => /INT|DOUBLE|DECIMAL|FLOAT|REAL|NUMERIC/i.test(column.type) && !column.type.endsWith("[]"));
  return (
    <>
      <div class="answer-head">
        <span><b>{whole(result.rows.length)}</b> {result.rows.length === 1 ? "row" : "rows"} in {result.duration_ms < 1000 ? `${Math.round(result.duration_ms)} ms` : `${(result.duration_ms / 1000).toFixed(1)} s`}</span>
        {result.truncated && <span class="truncated">There are more; these are the first {whole(LIMIT)}.</span>}
        <button type="button" class="button" onClick={() => download(csvOf(result))}>Download CSV</button>
      </div>
      <div class="grid-frame" tabIndex={0}>
        <table class="grid">
          <thead>
            <tr>{result.columns.map((column, i) => <th key={i} scope="col" class={numeric[i] ? "number" : undefined}>{column.name}<small>{column.type.toLowerCase()}</small></th>)}</tr>
          </thead>
          <tbody>
            {result.rows.map((row, i) => (
              <tr key={i}>{row.map((value, j) => <td key={j} class={numeric[j] ? "number" : undefined}>{value === null ? <span class="null">null</span> : textOf(value)}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function download(csv: string): void {
  const url = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "trackway.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
