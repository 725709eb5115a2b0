/** Destinations at the moment, one by one, and what can be done with them; `src/trackway/console/destinations.py`. */
import { post } from "./client";
import type { Position } from "./records";

export interface WorkerStatus {
  breaker: "closed" | "open" | "half_open";
  reason: string;
  detail: string;
  refused: boolean;
  opens_in_s: number;
  cursor: Record<string, number>;
  waiting: number;
}

export interface DestinationStatus {
  destination: string;
  type: string;
  name: string;
  state: "running" | "crashed" | "paused" | "stopped";
  error: string;
  crashes: number;
  paused_ms: number | null;
  requests: number;
  errors: number;
  /** Within this time 95 of 100 requests were answered. */
  p95_s: number | null;
  worker: WorkerStatus | null;
}

export interface Setting {
  name: string;
  kind: string;
  about: string;
  default: string;
  value: unknown;
  given: boolean;
}

export interface MappingField {
  field: string;
  source: string;
  usual: string;
  kind: string;
  required: boolean;
  about: string;
  changed: boolean;
}

export interface Mapping {
  name: string;
  action: string;
  trigger: string;
  fields: MappingField[];
}

export interface Detail {
  key: string;
  type: string;
  name: string;
  summary: string;
  facts: Record<string, string>;
  enabled: boolean;
  sources: string[] | null;
  trigger: string;
  functions: string[];
  consent: string[];
  filters: unknown[];
  settings: Setting[];
  mappings: Mapping[];
  first_match: boolean;
  limits: { events: number; bytes: number; wait_s: number; concurrency: number };
  can_check: boolean;
}

export interface Letter {
  destination: string;
  place: [number, number];
  message_id: string;
  source: string;
  reason: string;
  detail: string;
  at_ms: number;
  request: string;
  answer: string;
}

export interface LetterGroup {
  destination: string;
  reason: string;
  events: number;
  first_ms: number;
  last_ms: number;
  sample: Letter;
}

export interface Released {
  released: number;
  replayed: number;
  expired: number;
}

export interface Checked {
  name: string;
  type: string;
  status: "OK" | "FAIL" | "UNKNOWN";
  finding: string;
}

export interface PreviewedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface Preview {
  requests: PreviewedRequest[];
  skipped?: string;
  rejected?: string;
  detail?: string;
}

export function destinationPath(key: string, part = ""): string {
  return `/api/destinations/${encodeURIComponent(key)}${part && `/${part}`}`;
}

export const pause = (key: string) => post(destinationPath(key, "pause"), {});
export const resume = (key: string) => post(destinationPath(key, "resume"), {});
export const check = (key: string, signal: AbortSignal) => post<Checked>(destinationPath(key, "check"), {}, { signal });
export const resend = (key: string, { partition, offset }: Position) => post<{ replay: number }>(destinationPath(key, "resend"), { partition, offset });
export const preview = (key: string, event: unknown, signal?: AbortSignal) => post<Preview>(destinationPath(key, "preview"), { event }, signal ? { signal } : {});
export const makeCase = (key: string, event: unknown) => post<unknown>(destinationPath(key, "case"), { event });
