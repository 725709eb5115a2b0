/** Rows and columns of an answer, of which only those in sight are in the page; arrow keys move a cell at a time. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SqlResult } from "../api/sql";
import { textOf } from "./csv";

const ROW = 28;
const BEYOND = 8;
const CHARACTER = 7.4;
const NUMERIC = /INT|DOUBLE|DECIMAL|FLOAT|REAL|NUMERIC/i;

export function isNumeric(type: string): boolean {
  return NUMERIC.test(type) && !type.endsWith("[]") && !/STRUCT|MAP|INTERVAL/i.test(type);
}

export function Grid({ result }: { result: SqlResult }) {
  const { columns, rows } = result;
  const frame = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [at, setAt] = useState<[number, number]>([0, 0]);
  const widths = useMemo(() => columns.map((column, i) => {
    let most = Math.max(column.name.length, column.type.length * 0.8);
    for (const row of rows.slice(0, 200)) most = Math.max(most, Math.min(60, textOf(row[i]).length));
    return Math.round(Math.min(440, Math.max(64, most * CHARACTER + 26)));
  }), [result]);
  useEffect(() => {
    const observer = new ResizeObserver(() => setHeight(frame.current?.clientHeight ?? 400));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => { setAt([0, 0]); frame.current!.scrollTo(0, 0); }, [result]);
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + BEYOND);
  const template = `52px ${widths.map((width) => `${width}px`).join(" ")}`;
  const width = 52 + widths.reduce((all, each) => all + each, 0);

  const move = (row: number, column: number) => {
    const to: [number, number] = [Math.max(0, Math.min(rows.length - 1, row)), Math.max(0, Math.min(columns.length - 1, column))];
    setAt(to);
    const box = frame.current!;
    const y = to[0] * ROW;
    const visible = box.clientHeight - 46;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + ROW > box.scrollTop + visible) box.scrollTop = y + ROW - visible;
    const x = widths.slice(0, to[1]).reduce((all, each) => all + each, 0);
    if (x < box.scrollLeft) box.scrollLeft = x;
    else if (x + widths[to[1]]! + 52 > box.scrollLeft + box.clientWidth) box.scrollLeft = x + widths[to[1]]! + 52 - box.clientWidth;
  };
  const onKey = (event: KeyboardEvent) => {
    const [row, column] = at;
    const page = Math.max(1, Math.floor(height / ROW) - 2);
    const to: Record<string, [number, number]> = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
      PageDown: [row + page, column], PageUp: [row - page, column], Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? rows.length - 1 : row, columns.length - 1],
    };
    const target = to[event.key];
    if (target) { event.preventDefault(); move(...target); }
    else if (event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString()) void navigator.clipboard?.writeText(textOf(rows[row]?.[column]));
  };
  return (
    <div class="grid" ref={frame} role="grid" tabIndex={0} aria-label="Answer" aria-rowcount={rows.length + 1} aria-colcount={columns.length}
      aria-activedescendant={rows.length ? `cell-${at[0]}-${at[1]}` : undefined} onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={onKey}>
      <div class="grid-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template, width: `${width}px` }}>
        <span class="grid-corner" />
        {columns.map((column, i) => <span key={i} role="columnheader" aria-colindex={i + 1} class={isNumeric(column.type) ? "number" : undefined} title={`${column.name}, ${column.type}`}>{column.name}<small>{column.type.toLowerCase()}</small></span>)}
      </div>
      <div class="grid-rows" role="rowgroup" style={{ height: `${rows.length * ROW}px`, width: `${width}px` }}>
        {rows.slice(first, last).map((row, i) => {
          const index = first + i;
          return (
            <div key={index} class="grid-row" role="row" aria-rowindex={index + 2} style={{ gridTemplateColumns: template, transform: `translateY(${index * ROW}px)` }}>
              <span class="grid-number" aria-hidden="true">{index + 1}</span>
              {row.map((value, j) => {
                const text = textOf(value);
                const chosen = at[0] === index && at[1] === j;
                return (
                  <span key={j} role="gridcell" id={`cell-${index}-${j}`} aria-colindex={j + 1} aria-selected={chosen} class={`${isNumeric(columns[j]!.type) ? "number" : ""}${chosen ? " chosen" : ""}`} title={text.length > 40 ? text : undefined} onClick={() => setAt([index, j])}>
                    {value === null ? <i class="null">null</i> : text.length > 300 ? `${text.slice(0, 300)}…` : text}
                  </span>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}
