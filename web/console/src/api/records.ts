/** Records of the logs as the API gives them; `src/trackway/console/entries.py` is the other side. */
import { get, withQuery } from "./client";

export type Outcome = "ok" | "quarantined" | "dropped";

export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

export interface Finding {
  code: string;
  pointer: string;
  detail: string;
}

/** One record of the logs. All texts in it are a stranger's. */
export interface Entry {
  position: Position;
  outcome: Outcome;
  source: string;
  type: string;
  name: string;
  messageId: string;
  receivedAt: string;
  timestamp?: string;
  userId?: string;
  anonymousId?: string;
  stage?: string;
  reason?: string;
  pointer?: string;
  message?: string;
  original?: Position;
  findings?: Finding[];
  body?: unknown;
  bodyText?: string;
}

export interface RawCall {
  position: Position;
  receivedAt: string;
  sentAt: string | null;
  ip: string;
  userAgent: string;
  clientSide: boolean;
  body: string;
  shared: string;
}

export interface Detail {
  record: Entry;
  raw?: RawCall;
}

export interface Page {
  events: Entry[];
  scanned: number;
  exhausted: boolean;
  before: string;
}

export function getEvent(at: Position, signal: AbortSignal): Promise<Detail> {
  return get(`/api/events/${pathOf(at)}`, { signal });
}

export function getOlder(query: URLSearchParams): Promise<Page> {
  return get(withQuery("/api/events", query));
}

/** `events/0/17` */
export function pathOf(at: Position): string {
  return `${encodeURIComponent(at.topic)}/${at.partition}/${at.offset}`;
}

/** Read what stands in `/events/<topic>/<partition>/<offset>`. */
export function positionOf({ topic, partition, offset }: Record<string, string>): Position | null {
  if (!/^[a-z]+$/.test(topic ?? "") || !/^\d{1,9}$/.test(partition ?? "") || !/^\d{1,15}$/.test(offset ?? "")) return null;
  return { topic: topic!, partition: Number(partition), offset: Number(offset) };
}
