import { goToLogin } from "../api/client";
import type { Overview } from "../api/overview";
import type { Entry } from "../api/records";
import { Emitter } from "../ui/emitter";
import { Buffer, CAPACITY } from "./buffer";
import { queryOf, type Filter } from "./filter";

export type Link = "connecting" | "live" | "lost";

interface History {
  resumed: boolean;
  scanned: number;
  exhausted: boolean;
  before: string;
}

type Incoming = { entries: Entry[] } | { gap: number };

const FLUSH_MS = 45;
const LONGEST_FLUSH_MS = 200;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** A page that nobody looks at lets go of its connection after this time, and catches up when it is seen again. */
const HIDDEN_MS = 30_000;

/**
 * The connection to the live tail.
 *
 * What comes in waits for the next animation frame, so that a thousand events a second cost one drawing a frame.
 */
export class Feed extends Emitter {
  readonly buffer = new Buffer();
  link: Link = "connecting";
  history: History | null = null;
  overview: Overview | null = null;
  private source: EventSource | null = null;
  private filter: Filter | null = null;
  private place = "";
  private incoming: Incoming[] = [];
  private waiting = 0;
  private scheduled = false;
  private flushedAt = 0;
  private flushMs = FLUSH_MS;
  private waitMs = FIRST_WAIT_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private hide: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.onVisibility());
  }

  /** Show what `filter` lets through, from the newest on. */
  open(filter: Filter): void {
    this.filter = filter;
    this.place = "";
    this.incoming = [];
    this.waiting = 0;
    this.history = null;
    this.buffer.clear();
    this.connect();
    this.emit();
  }

  close(): void {
    this.disconnect();
    this.filter = null;
  }

  /** Take over counts that were asked for. */
  setOverview(overview: Overview): void {
    this.overview ??= overview;
    this.emit();
  }

  /** Add a page of older records. */
  addOlder(entries: Entry[], history: Omit<History, "resumed">): void {
    this.buffer.pushOlder(entries);
    this.history = { ...history, resumed: false, scanned: (this.history?.scanned ?? 0) + history.scanned };
    this.emit();
  }

  private connect(): void {
    this.disconnect();
    if (!this.filter) return;
    const query = queryOf(this.filter);
    query.set("body", "0");
    if (this.place) query.set("after", this.place);
    const source = new EventSource(`/api/live?${query.toString()}`);
    this.source = source;
    this.setLink(this.link === "lost" ? "lost" : "connecting");
    source.onopen = () => {
      this.waitMs = FIRST_WAIT_MS;
      this.setLink("live");
    };
    source.onerror = () => this.onError(source);
    this.on<History>(source, "history", (history) => this.onHistory(history));
    this.on<Entry[]>(source, "records", (entries) => this.receive({ entries }));
    this.on<{ count: number }>(source, "gap", ({ count }) => this.receive({ gap: count }));
    this.on<Overview>(source, "overview", (overview) => {
      this.overview = overview;
      this.schedule();
    });
  }

  private on<T>(source: EventSource, kind: string, take: (data: T) => void): void {
    source.addEventListener(kind, (message) => {
      if (message.lastEventId) this.place = message.lastEventId;
      take(JSON.parse(message.data) as T);
    });
  }

  private disconnect(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  private onHistory(history: History): void {
    if (!history.resumed) {
      this.history = history;
      this.incoming = [];
      this.waiting = 0;
      this.buffer.clear();
    }
    this.schedule();
  }

  /** The browser tries again by itself only after some failures; we do it after all, from where we were. */
  private onError(source: EventSource): void {
    if (source !== this.source) return;
    this.setLink("lost");
    this.disconnect();
    this.retry = setTimeout(() => void this.reconnect(), this.waitMs);
    this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2);
  }

  private async reconnect(): Promise<void> {
    const status = await fetch("/api/workspace").then((answer) => answer.status, () => 0);
    if (status === 401) goToLogin();
    else this.connect();
  }

  private receive(what: Incoming): void {
    this.incoming.push(what);
    this.waiting += "entries" in what ? what.entries.length : 1;
    // Without frames (a hidden page) nothing is drawn: keep what the list could show, no more.
    while (this.waiting > 2 * CAPACITY && this.incoming.length > 1) {
      const oldest = this.incoming.shift()!;
      this.waiting -= "entries" in oldest ? oldest.entries.length : 1;
    }
    this.schedule();
  }

  /**
   * A busy list is drawn twenty times a second: nobody reads faster, and the drawing costs a third. Where drawing takes
   * long, it is done less often, so that two thirds of the time are left for everything else.
   */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const draw = () => requestAnimationFrame(() => this.flush());
    const wait = this.flushedAt + this.flushMs - performance.now();
    // Asking for frames only to let them pass would keep the page busy, too.
    if (wait > 0) setTimeout(draw, wait);
    else draw();
  }

  private flush(): void {
    this.scheduled = false;
    this.flushedAt = performance.now();
    for (const what of this.incoming) {
      if ("entries" in what) this.buffer.push(what.entries);
      else this.buffer.pushGap(what.gap);
    }
    this.incoming = [];
    this.waiting = 0;
    this.emit();
    // The next task comes when the frame has been laid out and painted.
    setTimeout(() => { this.flushMs = Math.min(LONGEST_FLUSH_MS, Math.max(FLUSH_MS, 3 * (performance.now() - this.flushedAt))); });
  }

  private onVisibility(): void {
    clearTimeout(this.hide);
    if (document.hidden) this.hide = setTimeout(() => this.disconnect(), HIDDEN_MS);
    else if (this.filter && !this.source) this.connect();
  }

  private setLink(link: Link): void {
    if (this.link === link) return;
    this.link = link;
    this.emit();
  }
}

/** The one feed: what it holds is still there when one comes back to the page. */
export const feed = new Feed();
