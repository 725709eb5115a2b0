/** Counts of events by release, name, type or source; `src/trackway/node/breakdown`. Absent members are zero or empty. */

export interface Ends {
  delivered?: number;
  discarded?: Record<string, number>;
  failed?: Record<string, number>;
  retrying?: number;
  pending?: number;
  /** Came before the destination's first start. */
  earlier?: number;
}

export interface Row {
  source: string;
  type: string;
  name: string;
  version: string;
  events?: number;
  violating?: number;
  violations?: Record<string, number>;
  refused?: Record<string, number>;
  destinations?: Record<string, Ends>;
}

export interface Counted {
  rows: Row[];
  looked_at: number;
}

export const DIMENSIONS = ["version", "name", "type", "source"] as const;
export type Dimension = (typeof DIMENSIONS)[number];
export type Narrowed = Partial<Record<Dimension, string>>;

/** Rows that are alike in one way, added up. */
export interface Group {
  value: string;
  events: number;
  violating: number;
  violations: Record<string, number>;
  refused: Record<string, number>;
  delivered: number;
  discarded: Record<string, number>;
  failed: Record<string, number>;
  waiting: number;
  earlier: number;
}

/** Add up the rows that `narrowed` leaves, by one dimension; the most frequent first. */
export function groupBy(rows: readonly Row[], by: Dimension, narrowed: Narrowed, destination: string): Group[] {
  const found = new Map<string, Group>();
  for (const row of rows) {
    if (DIMENSIONS.some((each) => narrowed[each] !== undefined && row[each] !== narrowed[each])) continue;
    let group = found.get(row[by]);
    if (!group) found.set(row[by], (group = { value: row[by], events: 0, violating: 0, violations: {}, refused: {}, delivered: 0, discarded: {}, failed: {}, waiting: 0, earlier: 0 }));
    const ends = row.destinations?.[destination] ?? {};
    group.events += row.events ?? 0;
    group.violating += row.violating ?? 0;
    group.delivered += ends.delivered ?? 0;
    group.waiting += (ends.retrying ?? 0) + (ends.pending ?? 0);
    group.earlier += ends.earlier ?? 0;
    add(group.violations, row.violations);
    add(group.refused, row.refused);
    add(group.discarded, ends.discarded);
    add(group.failed, ends.failed);
  }
  return [...found.values()].sort((one, other) => other.events + total(other.refused) - one.events - total(one.refused));
}

/**
 * Whether something goes wrong with one group far more often than with all the others together: twice as often, for more
 * than one in a hundred, and not by a handful of calls.
 */
export function standsOut(bad: number, of: number, allBad: number, allOf: number): boolean {
  if (bad < 5 || of === 0 || bad / of < 0.01) return false;
  const others = allOf - of;
  return others > 0 && bad / of >= (2 * (allBad - bad)) / others;
}

export function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function add(into: Record<string, number>, more: Record<string, number> | undefined): void {
  for (const [key, count] of Object.entries(more ?? {})) into[key] = (into[key] ?? 0) + count;
}
