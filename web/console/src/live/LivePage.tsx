import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getOverview } from "../api/overview";
import { getOlder, pathOf, positionOf, type Entry, type Position } from "../api/records";
import { useWorkspace, type Workspace } from "../api/workspace";
import { useChanges } from "../ui/emitter";
import type { PageProps } from "../routes";
import { router, useRouter } from "../ui/router";
import { whole } from "../ui/format";
import { PauseIcon, PlayIcon } from "../ui/icons";
import type { Row } from "./buffer";
import { EventList } from "./EventList";
import { EventPanel } from "./EventPanel";
import { feed, type Feed } from "./feed";
import { countOf, filterOf, queryOf, NO_FILTER, type Filter } from "./filter";
import { FirstEvent } from "./FirstEvent";
import { Toolbar } from "./Toolbar";
import { Totals } from "./Totals";
import "./list.css";
import "./panel.css";
import "./totals.css";

const LIVE = "/live";
const OLDER = 200;
const POINTING_MS = 1000;

/** All events as they happen. */
export default function LivePage({ params }: PageProps) {
  useChanges(feed);
  useRouter();
  const workspace = useWorkspace();
  const query = queryOf(filterOf(router.query)).toString();
  const filter = useMemo(() => filterOf(new URLSearchParams(query)), [query]);
  const open = positionOf(params);
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [active, setActive] = useState<Row | null>(null);
  useEffect(() => { feed.open(filter); setActive(null); }, [query]);
  useEffect(() => {
    getOverview().then((overview) => feed.setOverview(overview), () => undefined);
    return () => feed.close();
  }, []);

  const [pointing, setPointing] = usePointing();
  const held = paused || scrolled || active !== null || pointing;
  const { rows, fresh } = useHeld(feed, held);
  const selected = active && (open === null || isAt(active, open)) ? active : open && findAt(rows, open);

  const setFilter = (next: Filter) => router.go(router.path, { query: queryOf(next), replace: true });
  const openEvent = (at: Position, replace = open !== null) => router.go(`/events/${pathOf(at)}`, { query: router.query, replace });
  const select = (row: Row, andOpen: boolean) => {
    setActive(row);
    if ("entry" in row && (andOpen || open)) openEvent(row.entry.position);
  };
  const resume = () => { setPaused(false); setScrolled(false); setActive(null); };
  const close = () => { setActive(null); router.go(LIVE, { query: router.query }); };
  useKeys({ rows, selected: selected ?? null, select, close, isOpen: open !== null,
    pause: () => (paused || scrolled || active ? resume() : setPaused(true)), leave: () => setActive(null) });

  const sourceName = (key: string) => workspace?.sources.find((source) => source.key === key)?.name ?? key;
  return (
    <div class="live" data-panel={open !== null}>
      <div class="live-main">
        <header class="page-head live-head">
          <h1>Live events</h1>
          <Connection feed={feed} paused={paused} />
          <div class="page-actions"><button type="button" class={paused ? "button primary" : "button"} aria-pressed={paused} title="Space"
            onClick={() => (paused ? resume() : setPaused(true))}>
            {paused ? <PlayIcon /> : <PauseIcon />}
            {paused ? "Resume" : "Pause"}
            {paused && fresh > 0 && <span class="count">{whole(fresh)} new</span>}
          </button></div>
        </header>
        <Totals workspace={workspace} overview={feed.overview} />
        <Toolbar filter={filter} workspace={workspace} onChange={setFilter} />
        {feed.link === "lost" && (
          <p class="banner" role="status">Trackway does not answer. The view catches up by itself as soon as it is back; clients keep their events until then.</p>
        )}
        {rows.length > 0 ? (
          <EventList rows={rows} selected={selected ?? null} held={(scrolled || active !== null) && !paused} fresh={fresh} sourceName={sourceName} onSelect={select}
            onScrolled={setScrolled} onTop={resume} onPointing={setPointing} footer={<Older feed={feed} filter={filter} />} />
        ) : (
          <Nothing feed={feed} filter={filter} workspace={workspace} onClear={() => setFilter(NO_FILTER)} />
        )}
      </div>
      {open && (
        <EventPanel at={open} known={selected && "entry" in selected ? selected.entry : null} workspace={workspace} onClose={close} onOpen={openEvent} />
      )}
    </div>
  );
}

/** Keep the list as it is while it is held, and count what came since. */
function useHeld(feed: Feed, held: boolean): { rows: readonly Row[]; fresh: number } {
  const kept = useRef<{ rows: readonly Row[]; total: number; history: unknown } | null>(null);
  const { buffer, history } = feed;
  // Another filter or older records make another list: the held one is over.
  if (!held || !kept.current || kept.current.history !== history) {
    kept.current = held ? { rows: buffer.rows.slice(), total: buffer.total, history } : null;
  }
  return kept.current ? { rows: kept.current.rows, fresh: buffer.total - kept.current.total } : { rows: buffer.rows, fresh: 0 };
}

/** True from a movement of the mouse until it has rested for a while: rows must not slip away under a click. */
function usePointing(): [boolean, () => void] {
  const [pointing, setPointing] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  const moved = () => {
    setPointing(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setPointing(false), POINTING_MS);
  };
  return [pointing, moved];
}

function Connection({ feed, paused }: { feed: Feed; paused: boolean }) {
  const state = feed.link === "live" && paused ? "paused" : feed.link;
  const words = { live: "Connected", paused: "Paused", connecting: "Connecting", lost: "Reconnecting" };
  return <span class={`connection connection-${state}`} role="status"><i aria-hidden="true" />{words[state]}</span>;
}

/** What stands in place of an empty list. */
function Nothing({ feed, filter, workspace, onClear }: { feed: Feed; filter: Filter; workspace: Workspace | null; onClear: () => void }) {
  if (!feed.history) return <div class="nothing"><p>{countOf(filter) ? "Searching …" : "Connecting …"}</p></div>;
  if (!countOf(filter)) return workspace ? <div class="nothing"><FirstEvent workspace={workspace} /></div> : <div class="nothing" />;
  return (
    <div class="nothing">
      <h2>No event matches</h2>
      <p>{feed.history.exhausted ? `All ${whole(feed.history.scanned)} records in the log were looked at.` : `The newest ${whole(feed.history.scanned)} records were looked at.`} New ones that match appear here.</p>
      <div class="nothing-actions">
        <Older feed={feed} filter={filter} label="Look further back" />
        <button type="button" class="button" onClick={onClear}>Clear filters</button>
      </div>
    </div>
  );
}

/** A button that fetches older records, while there are any and room for them. */
function Older({ feed, filter, label = "Load older events" }: { feed: Feed; filter: Filter; label?: string }) {
  const [state, setState] = useState<"idle" | "busy" | "failed">("idle");
  const history = feed.history;
  if (!history || history.exhausted || feed.buffer.full) return null;
  const load = async () => {
    setState("busy");
    const query = queryOf(filter);
    query.set("before", history.before);
    query.set("limit", String(OLDER));
    query.set("body", "0");
    try {
      const page = await getOlder(query);
      if (feed.history === history) feed.addOlder(page.events, page);
      setState("idle");
    } catch {
      setState("failed");
    }
  };
  return (
    <div class="older">
      <button type="button" class="button" disabled={state === "busy"} onClick={() => void load()}>
        {state === "busy" ? "Loading …" : state === "failed" ? "That did not work; try again" : label}
      </button>
    </div>
  );
}

interface Keys {
  rows: readonly Row[];
  selected: Row | null;
  isOpen: boolean;
  select: (row: Row, open: boolean) => void;
  close: () => void;
  leave: () => void;
  pause: () => void;
}

/** Arrows move, Enter opens, Escape closes, Space pauses, / searches. */
function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const now = latest.current;
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea")) return;
      if (target.closest("button, a:not(.row-link)") && (event.key === " " || event.key === "Enter")) return;
      if (target.closest(".panel") && event.key !== "Escape") return;
      const act = actionOf(event.key, now);
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function actionOf(key: string, keys: Keys): (() => void) | null {
  const { rows, selected } = keys;
  switch (key) {
    case "/": return () => document.querySelector<HTMLInputElement>("#search")?.focus();
    case " ": return keys.pause;
    case "Escape": return keys.isOpen ? keys.close : selected ? keys.leave : null;
    case "Enter": return selected ? () => keys.select(selected, true) : null;
    case "ArrowDown": return moveBy(rows, selected, -1, keys);
    case "ArrowUp": return moveBy(rows, selected, 1, keys);
    default: return null;
  }
}

/** Move the selection by one record; the list is newest first, the rows oldest first. */
function moveBy(rows: readonly Row[], selected: Row | null, step: 1 | -1, keys: Keys): (() => void) | null {
  let index = selected ? rows.findIndex((row) => row.seq === selected.seq) + step : rows.length - 1;
  while (rows[index] && "gap" in rows[index]!) index += step;
  const row = rows[index];
  return row ? () => keys.select(row, false) : null;
}

function isAt(row: Row, at: Position): boolean {
  return "entry" in row && samePlace(row.entry, at);
}

function findAt(rows: readonly Row[], at: Position): Row | null {
  return rows.find((row) => isAt(row, at)) ?? null;
}

function samePlace(entry: Entry, at: Position): boolean {
  return entry.position.topic === at.topic && entry.position.partition === at.partition && entry.position.offset === at.offset;
}
