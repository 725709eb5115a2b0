/** The playground's part of the API; `src/trackway/node/playground/told.py` is the other side. */

export interface Change {
  pointer: string;
  before?: unknown;
  after?: unknown;
}

export interface StageTold {
  stage: string;
  changes: Change[];
  findings: { code: string; pointer: string; detail: string }[];
  end: string;
  reason: string;
  message: string;
}

export interface Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface DestinationTold {
  key: string;
  type: string;
  name: string;
  enabled: boolean;
  outcome: "" | "sent" | "discarded" | "failed" | "error";
  reason: string;
  meaning: string;
  detail: string;
  requests: Request[];
}

export interface SemanticTold {
  name: string;
  category: string;
  summary: string;
  properties: { name: string; type: string; description: string; advised: boolean; given: boolean }[];
  remarks: { code: string; pointer: string; detail: string }[];
  renames: Record<string, string>;
}

export interface PlanTold {
  plan: string;
  file: string;
  planned: boolean;
  violations: { kind: string; pointer: string; description: string; action: string }[];
  unknown_version: boolean;
  rows: { path: string; types: string[]; required: boolean; enum: unknown[]; description: string }[];
}

export interface Told {
  verdict: { accepted: boolean; type: string; message_id: string; reason: string; pointer: string; message: string };
  size_bytes: number;
  event: Record<string, unknown> | null;
  ended: string;
  reason: string;
  message: string;
  stages: StageTold[];
  findings: { code: string; pointer: string; detail: string }[];
  naming: { code: string; message: string; suggestion: string | null }[];
  /** Members of the context that have not the meaning that everybody expects of them. */
  context: { pointer: string; message: string }[];
  semantic: SemanticTold | null;
  plan: PlanTold | null;
  destinations: DestinationTold[];
  duration_ms: number;
  mistake: string;
}

export interface KnownEvent {
  name: string;
  category: string;
  summary: string;
  properties: { name: string; type: string | string[]; description: string }[];
}

export interface Help {
  events: KnownEvent[];
  can_send: boolean;
}

export interface Sent {
  status: number;
  answer: { success?: boolean; verdicts?: { messageId: string; verdict: string; reason?: string; message?: string }[]; message?: string };
}

/** What became of a sent call; a part of `src/trackway/node/tracing/story.py`. */
export interface Story {
  position: { topic: string; partition: number; offset: number };
  outcome: string;
  reason: string;
  message: string;
  received_at_ms: number;
  destinations: { destination: string; outcome: string; reason: string; at_ms?: number | null }[];
  warehouses: { warehouse: string; loaded: boolean; rows: { table: string }[] }[];
}
