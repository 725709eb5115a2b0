/** What `GET /api/trace/{id}` tells; `src/trackway/node/tracing/story.py` is the other side. */
import type { Position } from "../api/records";

export interface Change {
  pointer: string;
  before?: unknown;
  after?: unknown;
}

export interface StageStory {
  stage: string;
  changes: Change[];
  findings: { code: string; pointer: string; detail: string }[];
  end: string;
  reason: string;
  message: string;
  /** Message ids of the other events that the stage split the call into. */
  others?: string[];
}

export interface AttemptStory {
  at_ms: number;
  duration_ms: number;
  status: number | null;
  outcome: string;
  reason: string;
  events: number;
  answer: string;
  idempotency_key: string;
}

export interface DestinationStory {
  destination: string;
  outcome: "delivered" | "discarded" | "failed" | "retrying" | "pending" | "earlier";
  reason: string;
  detail: string;
  at_ms: number | null;
  request: string;
  answer: string;
  tries: number;
  next_try_ms: number | null;
  replay: number | null;
  attempts: AttemptStory[];
}

export interface CallStory {
  position: Position;
  sent_at: string | null;
  ip: string;
  user_agent: string;
  client_side: boolean;
  size_bytes: number;
  body: string;
  shared: string;
  released: Position | null;
}

export interface StoryOf {
  position: Position;
  outcome: "event" | "quarantined" | "dropped";
  message_id: string;
  source: string;
  type: string;
  name: string;
  received_at_ms: number;
  call: CallStory | null;
  stage: string;
  reason: string;
  pointer: string;
  message: string;
  original: Position | null;
  stages: StageStory[];
  today: Change[];
  findings: { code: string; pointer: string; detail: string }[];
  event: Record<string, unknown> | null;
  destinations: DestinationStory[];
  warehouses: { warehouse: string; loaded: boolean; rows: { table: string; values: Record<string, unknown> }[] }[];
}
