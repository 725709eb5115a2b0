/** An answer as a picture: over time when its first fitting column is a time, else as bars by name. */
import { useMemo, useState } from "preact/hooks";
import type { SqlResult } from "../api/sql";
import { Chart } from "../ui/Chart";
import { whole } from "../ui/format";
import { EmptyState } from "../ui/states";
import { textOf } from "./csv";
import { isNumeric } from "./Grid";

const MOST_BARS = 40;
const MOST_SERIES = 8;

export function ResultChart({ result }: { result: SqlResult }) {
  const { columns, rows } = result;
  const numbers = columns.map((column, i) => ({ ...column, i })).filter((column) => isNumeric(column.type));
  const labels = columns.map((column, i) => ({ ...column, i })).filter((column) => !isNumeric(column.type));
  const time = labels.find((column) => /TIMESTAMP|DATE/i.test(column.type));
  const [x, setX] = useState<number | null>(null);
  const by = columns[x ?? -1] ? x! : (time?.i ?? labels[0]?.i ?? 0);
  const shown = numbers.filter((column) => column.i !== by).slice(0, MOST_SERIES);
  if (!rows.length || !shown.length) return <EmptyState title="Nothing to draw">A picture needs a column of numbers: count something, or sum it up.</EmptyState>;
  const isTime = /TIMESTAMP|DATE/i.test(columns[by]!.type);
  return (
    <div class="result-chart">
      {labels.length > 1 && (
        <label class="quiet-text">by <select class="choice" value={String(by)} onChange={(event) => setX(Number(event.currentTarget.value))}>{labels.map((column) => <option key={column.i} value={column.i}>{column.name}</option>)}</select></label>
      )}
      {isTime ? <OverTime result={result} by={by} shown={shown} /> : <Bars result={result} by={by} of={shown[0]!} />}
    </div>
  );
}

function OverTime({ result, by, shown }: { result: SqlResult; by: number; shown: readonly { name: string; i: number }[] }) {
  const sorted = useMemo(() => result.rows
    .map((row) => ({ at: new Date(String(row[by])).getTime() / 1000, row }))
    .filter((each) => !Number.isNaN(each.at)).sort((one, other) => one.at - other.at), [result, by]);
  return (
    <Chart label="The answer over time" kind="line" height={320} times={sorted.map((each) => each.at)} format={(value) => (Number.isInteger(value) ? whole(value) : value.toPrecision(4))}
      series={shown.map((column) => ({ label: column.name, values: sorted.map((each) => (each.row[column.i] === null ? null : Number(each.row[column.i]))) }))} />
  );
}

function Bars({ result, by, of }: { result: SqlResult; by: number; of: { name: string; i: number } }) {
  const bars = result.rows.slice(0, MOST_BARS).map((row) => ({ name: row[by] === null ? "null" : textOf(row[by]), value: Number(row[of.i] ?? 0) }));
  const most = Math.max(...bars.map((bar) => Math.abs(bar.value)), 1e-9);
  return (
    <table class="bars">
      <caption>{of.name}{result.rows.length > MOST_BARS && <span class="faint">, the first {MOST_BARS} rows</span>}</caption>
      <tbody>{bars.map((bar, i) => (
        <tr key={i}><th scope="row" title={bar.name}>{bar.name}</th><td><meter class="bar" min={0} max={most} value={Math.abs(bar.value)} aria-hidden="true" /></td><td class="number">{Number.isInteger(bar.value) ? whole(bar.value) : bar.value.toPrecision(5)}</td></tr>
      ))}</tbody>
    </table>
  );
}
