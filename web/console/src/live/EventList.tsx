import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Entry } from "../api/records";
import { whole } from "../ui/format";
import { UpIcon } from "../ui/icons";
import { isPlainClick } from "../ui/router";
import type { Row } from "./buffer";
import { createLine, type Line } from "./line";
import { scrollTo, visibleRows } from "./visible";

interface Props {
  /** Oldest first; the list shows the newest on top. */
  rows: readonly Row[];
  selected: Row | null;
  /** True while the top of the list stands still. */
  held: boolean;
  fresh: number;
  sourceName: (key: string) => string;
  onSelect: (row: Row, open: boolean) => void;
  onScrolled: (away: boolean) => void;
  onTop: () => void;
  /** The mouse moves over the rows: somebody is about to click. */
  onPointing: () => void;
  footer: preact.ComponentChildren;
}

/** The table of events. Only the rows in sight exist, so its length costs nothing. */
export function EventList(props: Props) {
  const { rows, selected, sourceName, onSelect, onScrolled } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800, rowHeight: 32 });

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => {
      const rowHeight = parseFloat(getComputedStyle(element).getPropertyValue("--row-height")) || 32;
      setView({ top: element.scrollTop, height: element.clientHeight, rowHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const selectedIndex = selected ? rows.length - 1 - indexOf(rows, selected) : -1;
  useEffect(() => {
    const element = box.current; // gone when the page was left in the meantime
    if (!element || selectedIndex < 0 || selectedIndex >= rows.length) return;
    element.scrollTop = scrollTo(selectedIndex, element.scrollTop, element.clientHeight - HEAD, view.rowHeight);
  }, [selected?.seq]);

  const onScroll = (event: preact.JSX.TargetedUIEvent<HTMLDivElement>) => {
    const top = event.currentTarget.scrollTop;
    setView((old) => ({ ...old, top }));
    onScrolled(top > 2);
  };

  // Spare rows are for scrolling: while events pour in at the top, they would only cost.
  const { first, end } = visibleRows(view.top, view.height, view.rowHeight, rows.length, view.top ? SPARE : 0);
  const drawn: preact.JSX.Element[] = [];
  for (let i = first; i < end; i++) {
    const row = rows[rows.length - 1 - i]!;
    // Keys go round, so that lines are written anew rather than made anew: both when scrolled and when events pour in.
    const key = i % (end - first);
    drawn.push("gap" in row ? <GapRow key={`gap ${key}`} gap={row.gap} index={i} />
      : <EntryRow key={key} row={row} entry={row.entry} index={i} selected={row.seq === selected?.seq} source={sourceName(row.entry.source)} onSelect={onSelect} />);
  }
  return (
    <div class="list-frame">
      {props.held && props.fresh > 0 && (
        <button type="button" class="fresh" onClick={() => { box.current!.scrollTop = 0; props.onTop(); }}>
          <UpIcon />{whole(props.fresh)} new
        </button>
      )}
      <div class="list" ref={box} onScroll={onScroll} onPointerMove={(event) => event.pointerType === "mouse" && props.onPointing()} data-count={rows.length}>
       <div class="list-grid" role="grid" aria-label="Events, newest first" tabIndex={0} aria-rowcount={rows.length + 1} aria-colcount={7}
        aria-activedescendant={selectedIndex >= first && selectedIndex < end ? `row-${selected!.seq}` : undefined}>
        <div class="row head" role="row" aria-rowindex={1}>
          <span role="columnheader">Time</span>
          <span role="columnheader"><span class="sr-only">Outcome</span></span>
          <span role="columnheader">Type</span>
          <span role="columnheader">Event</span>
          <span role="columnheader">User</span>
          <span role="columnheader">Source</span>
          <span role="columnheader">Message id</span>
        </div>
        <div class="rows" role="rowgroup" style={{ height: `${rows.length * view.rowHeight}px` }}>
          <div class="window" role="presentation" style={{ transform: `translateY(${first * view.rowHeight}px)` }}>{drawn}</div>
        </div>
       </div>
        {props.footer}
      </div>
    </div>
  );
}

/** Rows beyond both ends of what is in sight, so that scrolling shows no hole. */
const SPARE = 6;
/** The header row stays on top of what is scrolled. */
const HEAD = 30;

interface RowProps {
  row: Row;
  index: number;
  selected: boolean;
  source: string;
  onSelect: Props["onSelect"];
}

function GapRow({ gap, index }: { gap: number; index: number }) {
  return (
    <div class="row gap" role="row" aria-rowindex={index + 2}>
      <span role="gridcell">{whole(gap)} records are not shown here: they came faster than this view. All are in the log.</span>
    </div>
  );
}

function EntryRow({ row, entry, index, selected, source, onSelect }: RowProps & { entry: Entry }) {
  const element = useRef<HTMLDivElement>(null);
  const line = useRef<Line>();
  useLayoutEffect(() => {
    line.current ??= createLine(element.current!);
    line.current.fill(entry, source);
  }, [entry, source]);
  return (
    <div class={`row entry ${entry.outcome}`} role="row" ref={element} id={selected ? `row-${row.seq}` : undefined} aria-rowindex={index + 2} aria-selected={selected}
      onClick={(click) => {
        // With a modifier the link in it opens a tab of its own.
        if (!isPlainClick(click)) return;
        click.preventDefault();
        onSelect(row, true);
      }} />
  );
}

/** Rows are in order of `seq`, so halving finds one. */
function indexOf(rows: readonly Row[], wanted: Row): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.seq < wanted.seq) low = middle + 1;
    else high = middle;
  }
  return rows[low]?.seq === wanted.seq ? low : rows.length;
}
