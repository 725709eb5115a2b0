/** Replays; `src/trackway/console/replays.py` is the other side. */

export const OPEN = new Set(["waiting", "running"]);

export interface Wish {
  destination: string;
  where: string;
  from_ms: number | null;
  to_ms: number | null;
  sources: string[];
  through_pipeline: boolean;
  again: boolean;
  rate: number | null;
}

export interface Replay {
  id: number;
  destination: string;
  state: "waiting" | "running" | "done" | "cancelled" | "failed";
  error: string;
  created_at: string;
  ended_at: string | null;
  order: Omit<Wish, "destination"> & { spans: Record<string, [number, number]> };
  accepted: number;
  delivered: number;
  discarded: Record<string, number>;
  failed: Record<string, number>;
  pending: number;
  retrying: number;
}

export interface Change {
  pointer: string;
  before?: unknown;
  after?: unknown;
}

/** What was sent of an event before. */
export interface Sent {
  at: string;
  rows: string[];
  end: string;
  settings_until: string;
  unknown: string[];
  differs: Change[];
}

export interface Preview {
  looked_at: number;
  to_send: number;
  left_out: Record<string, number>;
  failing: Record<string, number>;
  differing: number;
  sent_otherwise: number;
  samples: { position: [number, number]; message_id: string; name: string; then: { outcome: string; reason: string; request: string } | null; now: string[]; differs: Change[]; sent: Sent | null }[];
}
