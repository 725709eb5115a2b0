/**
 * Values over time, drawn by uPlot in the colours of the tokens.
 *
 *     <Chart label="Events per second" times={seconds} format={rate}
 *       series={[{ label: "Web", values: [...] }, { label: "App", values: [...] }]} kind="area" stacked />
 *
 * `times` are epoch seconds, in order; a value of null is a gap. Colours follow the order of the series (`--series-1` …)
 * unless a series names a token. Pointing shows the values of a moment; those who hear the page get each series' last,
 * lowest and highest value. A click on a name in the legend hides its series.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useChanges } from "./emitter";
import { colourOf, theme } from "./theme";
import { axisTime, momentShort } from "./time";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** A token, such as "--bad". */
  colour?: string;
}

interface Props {
  label: string;
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  kind?: "line" | "area" | "bars";
  /** Put the series on top of each other. */
  stacked?: boolean;
  height?: number;
  /** The span to show when it is more than the data covers, in epoch seconds. */
  range?: [number, number];
  legend?: boolean;
  /** The axis goes no higher, such as 1 for shares. */
  most?: number;
  /** Values are seconds: the axis has marks at whole minutes, hours and days. */
  durations?: boolean;
}

export function Chart({ label, times, series, format, kind = "line", stacked = false, height = 180, range, most, durations = false, legend = series.length > 1 }: Props) {
  useChanges(theme);
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const shown = series.filter((each) => !hidden.has(each.label));
  const data = useMemo(() => dataOf(times, shown, stacked), [times, series, hidden, stacked]);
  const tokens = shown.map((each) => tokenOf(each, series.indexOf(each)));
  const shape = JSON.stringify([tokens, kind, stacked, height, theme.isDark, range]);
  const latest = useRef(data);
  latest.current = data;

  useLayoutEffect(() => {
    const element = box.current!;
    const options = optionsOf({ tokens, kind, stacked, height, range, most, durations, format, width: element.clientWidth, onPoint: setAt });
    const made = new uPlot(options, latest.current, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => { observer.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(data); }, [data]);

  const toggle = (name: string) => setHidden((old) => {
    const next = new Set(old);
    if (!next.delete(name)) next.add(name);
    return next;
  });
  return (
    <figure class="chart" aria-label={label}>
      <div class="chart-plot" ref={box} aria-hidden="true" style={{ height: `${height}px` }} />
      {legend && (
        <div class="chart-legend">
          {series.map((each, i) => (
            <button key={each.label} type="button" class="chart-key" aria-pressed={!hidden.has(each.label)} onClick={() => toggle(each.label)}>
              <i class="chart-swatch" style={{ background: `var(${tokenOf(each, i)})` }} aria-hidden="true" />
              <span>{each.label}</span>
            </button>
          ))}
        </div>
      )}
      {at !== null && times[at] !== undefined && <Tip plot={plot.current} at={at} times={times} series={shown} all={series} format={format} />}
      <figcaption class="sr-only">{label}. {series.map((each) => summary(each, format)).join(" ")}</figcaption>
    </figure>
  );
}

function Tip({ plot, at, times, series, all, format }: { plot: uPlot | null; at: number; times: readonly number[]; series: readonly Series[]; all: readonly Series[]; format: (value: number) => string }) {
  if (!plot) return null;
  const left = plot.valToPos(times[at]!, "x") + plot.bbox.left / devicePixelRatio;
  const side = left > plot.width / 2 ? "left" : "right";
  return (
    <div class="chart-tip" data-side={side} style={{ left: `${left}px` }} aria-hidden="true">
      <div class="chart-tip-time">{momentShort(times[at]! * 1000)}</div>
      {series.map((each) => (
        <div key={each.label} class="chart-tip-row">
          <i class="chart-swatch" style={{ background: `var(${tokenOf(each, all.indexOf(each))})` }} />
          <span>{each.label}</span>
          <b>{each.values[at] == null ? "–" : format(each.values[at]!)}</b>
        </div>
      ))}
    </div>
  );
}

const COLOURS = 8;

function tokenOf(series: Series, index: number): string {
  return series.colour ?? `--series-${(index % COLOURS) + 1}`;
}

function dataOf(times: readonly number[], series: readonly Series[], stacked: boolean): uPlot.AlignedData {
  const columns = series.map((each) => each.values.map((value) => value ?? null));
  if (stacked) {
    for (let i = columns.length - 2; i >= 0; i--) {
      columns[i] = columns[i]!.map((value, at) => (value === null && columns[i + 1]![at] === null ? null : (value ?? 0) + (columns[i + 1]![at] ?? 0)));
    }
  }
  return [times as number[], ...columns];
}

interface Making {
  tokens: readonly string[];
  kind: "line" | "area" | "bars";
  stacked: boolean;
  height: number;
  width: number;
  range: [number, number] | undefined;
  most: number | undefined;
  durations: boolean;
  format: (value: number) => string;
  onPoint: (at: number | null) => void;
}

const DURATIONS = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];
const FONT = "11px 'Inter Variable', Inter, system-ui, sans-serif";

function optionsOf({ tokens, kind, stacked, height, width, range, most, durations, format, onPoint }: Making): uPlot.Options {
  const line = colourOf("--line");
  const ink = colourOf("--faint");
  const axis: uPlot.Axis = { stroke: ink, font: FONT, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width, height, legend: { show: false }, padding: [8, 16, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6, width: 0 } },
    scales: { x: range ? { range: () => range } : {}, y: { range: (_, __, highest) => [0, Math.min(most ?? Infinity, highest > 0 ? highest * 1.08 : 1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, gap: 6, space: 70, values: (_, splits) => axisTime(splits) },
      { ...axis, size: 48, gap: 6, space: 36, ...(durations ? { incrs: DURATIONS } : {}), values: (_, splits) => splits.map((value) => format(value).replace(/\.0(?=$| )/, "")) },
    ],
    series: [{}, ...tokens.map((token): uPlot.Series => {
      const colour = colourOf(token);
      const filled = kind === "bars" || stacked ? colour : kind === "area" ? translucent(colour, 0.14) : undefined;
      return {
        stroke: colour, width: stacked || kind === "bars" ? 0 : 1.5, points: { show: false },
        ...(filled ? { fill: filled } : {}), ...(kind === "bars" ? { paths: uPlot.paths.bars!({ size: [0.8, 24], align: 0 }) } : {}),
      };
    })],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.left != null && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)] },
  };
}

function translucent(colour: string, share: number): string {
  return colour.replace(/^rgb\((.*)\)$/, `rgb($1 / ${share})`).replaceAll(",", "");
}

function summary(series: Series, format: (value: number) => string): string {
  const values = series.values.filter((value): value is number => value !== null);
  if (!values.length) return `${series.label}: no values.`;
  return `${series.label}: now ${format(values.at(-1)!)}, from ${format(Math.min(...values))} to ${format(Math.max(...values))}.`;
}
