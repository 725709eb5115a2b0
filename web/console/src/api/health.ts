/** How everything stands, and stood; `src/trackway/node/monitoring` is the other side. */

export const RANGES = [
  { value: "15m", label: "15 min" }, { value: "1h", label: "1 h" }, { value: "6h", label: "6 h" },
  { value: "24h", label: "24 h" }, { value: "7d", label: "7 days" }, { value: "30d", label: "30 days" },
] as const;
export type RangeName = (typeof RANGES)[number]["value"];

/** How often a chart of a range is asked for anew. */
export const REFRESH_MS: Record<RangeName, number> = { "15m": 10_000, "1h": 15_000, "6h": 60_000, "24h": 60_000, "7d": 300_000, "30d": 300_000 };

export function isRange(text: string): text is RangeName {
  return RANGES.some((range) => range.value === text);
}

export interface SourceHealth {
  source: string;
  rate: number;
  events: number;
  quarantined: number;
  dropped: number;
}

export interface DestinationHealth {
  destination: string;
  lag_s: number;
  pending: number;
  retrying: number;
  rate: number;
  requests: number;
  errors: number;
  failed: number;
}

export interface DiskHealth {
  data_bytes: number;
  free_bytes: number;
  floor_bytes: number;
  growth_bytes_per_day: number | null;
  days_left: number | null;
}

export interface Health {
  at_ms: number;
  recent_s: number;
  sources: SourceHealth[];
  destinations: DestinationHealth[];
  disk: DiskHealth;
}

export type Values = (number | null)[];

export interface History {
  range: RangeName;
  from_s: number;
  to_s: number;
  step_s: number;
  times: number[];
  sources: { source: string; events: Values; quarantined: Values; dropped: Values }[];
  destinations: { destination: string; delivered: Values; failed: Values; discarded: Values; errors: Values; pending: Values; lag_s: Values }[];
  data_bytes: Values;
}

const YOUNG_S = 900;

/** Returns whether all that was measured is of the last quarter of an hour, so that a longer chart would be nearly empty. */
export function isYoung(history: History): boolean {
  const first = history.times.find((_, i) => history.sources.some((one) => one.events[i] !== null));
  return first !== undefined && first > history.to_s - YOUNG_S;
}
