/** The console's JSON API; `src/trackway/console` is its other side. */

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

export interface SourceCounts {
  source: string;
  events: number;
  quarantine: Record<string, number>;
  dropped: Record<string, number>;
  per_second: number[];
}

export interface DestinationCounts {
  destination: string;
  accepted: number;
  delivered: number;
  discarded: Record<string, number>;
  failed: Record<string, number>;
  retrying: number;
  pending: number;
}

export interface Overview {
  sources: SourceCounts[];
  destinations: DestinationCounts[];
  consumers: { consumer: string; topic: string; lag: number }[];
}

export interface WorkspaceSource {
  key: string;
  name: string;
  write_keys: string[];
  enabled: boolean;
}

export interface WorkspaceDestination {
  key: string;
  name: string;
  type: string;
  enabled: boolean;
}

export interface Workspace {
  version: string;
  ingest_url: string;
  sources: WorkspaceSource[];
  destinations: WorkspaceDestination[];
  sql: boolean;
}

export interface SqlResult {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  duration_ms: number;
}

/** The API said no; `message` is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Ask the API and return its answer. Without a session the browser goes to the login. */
export async function call<T>(path: string, options: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "Trackway does not answer. Is it still running?");
  }
  if (response.status === 401) goToLogin();
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  const said = (answer ?? {}) as { code?: string; message?: string };
  throw new ApiError(response.status, said.code ?? "unknown", said.message ?? `Trackway answered ${response.status}.`);
}

/** Leave for the login page, which comes back here. */
export function goToLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export function getWorkspace(): Promise<Workspace> {
  return call("/api/workspace");
}

export function getOverview(): Promise<Overview> {
  return call("/api/overview");
}

export function getEvent(at: Position, signal: AbortSignal): Promise<Detail> {
  return call(`/api/events/${pathOf(at)}`, { signal });
}

export function getOlder(query: URLSearchParams): Promise<Page> {
  return call(`/api/events?${query.toString()}`);
}

export function runSql(sql: string, limit: number, signal: AbortSignal): Promise<SqlResult> {
  const headers = { "Content-Type": "application/json" };
  return call("/api/sql", { method: "POST", headers, body: JSON.stringify({ sql, limit }), signal });
}

/** `events/0/17` */
export function pathOf(at: Position): string {
  return `${encodeURIComponent(at.topic)}/${at.partition}/${at.offset}`;
}
