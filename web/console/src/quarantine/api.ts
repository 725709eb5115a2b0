/** Refused calls; `src/trackway/console/quarantine.py` is the other side. */
import { positionOf, type Position } from "../api/records";

export interface Group {
  count: number;
  source: string;
  reason: string;
  pointer: string;
  name: string;
  newest: string;
  newest_at: string;
}

export interface Groups {
  groups: Group[];
  looked_at: number;
  complete: boolean;
  deleted: number;
}

export interface Refused {
  position: string;
  received_at: string;
  source: string;
  type: string;
  name: string;
  message_id: string;
  stage: string;
  reason: string;
  pointer: string;
  message: string;
  released: boolean;
}

export interface RefusedCall extends Refused {
  body: string;
  readable: string | null;
  meaning: string;
}

export interface Tried {
  accepted: boolean;
  refused: string;
  changes: { pointer: string; before?: unknown; after?: unknown }[];
}

export interface Released {
  chosen: number;
  released: number;
  refused: number;
  dry_run: boolean;
  still_refused: { position: string; why: string }[];
}

/** `quarantine/0/12` as the path of its page. */
export function pageOf(position: string): string {
  return `/${position}`;
}

export function placeOf(params: Record<string, string>): Position | null {
  return positionOf({ topic: "quarantine", ...params });
}
