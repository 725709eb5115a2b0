import type { Entry } from "../api/records";

/** A line of the live list: a record, or the note that some were not sent. */
export type Row = { seq: number; entry: Entry } | { seq: number; gap: number };

export const CAPACITY = 5000;

/**
 * The newest rows, oldest first, `capacity` at the most.
 *
 * Rows are numbered upward as they come; older ones that are loaded later get numbers below all others.
 */
export class Buffer {
  rows: Row[] = [];
  /** Rows that were ever added at the new end. */
  total = 0;
  private lowest = 0;

  constructor(readonly capacity = CAPACITY) {}

  /** Add rows at the new end, pushing out the oldest. */
  push(entries: readonly Entry[]): void {
    const kept = entries.length > this.capacity ? entries.slice(-this.capacity) : entries;
    this.total += entries.length - kept.length;
    for (const entry of kept) this.rows.push({ seq: this.total++, entry });
    this.trim();
  }

  /** Note that `count` records were left out here. */
  pushGap(count: number): void {
    const last = this.rows.at(-1);
    if (last && "gap" in last) last.gap += count;
    else this.rows.push({ seq: this.total++, gap: count });
    this.trim();
  }

  /** Add older records (newest first) at the old end, as far as there is room. */
  pushOlder(entries: readonly Entry[]): void {
    const room = Math.max(0, this.capacity - this.rows.length);
    const older = entries.slice(0, room).map((entry): Row => ({ seq: --this.lowest, entry }));
    this.rows = [...older.reverse(), ...this.rows];
  }

  get full(): boolean {
    return this.rows.length >= this.capacity;
  }

  clear(): void {
    this.rows = [];
    this.lowest = this.total;
  }

  /** Cutting a little more rarely is cheaper than one row at every push. */
  private trim(): void {
    const slack = Math.ceil(this.capacity / 10);
    if (this.rows.length > this.capacity + slack) this.rows = this.rows.slice(-this.capacity);
  }
}
