/**
 * Asking the console's JSON API: `get` and `post`, and the error both give.
 *
 *     const ledger = await get<Ledger>("/api/ledger", { signal });
 *     await post("/api/destinations/crm/pause", {});
 *
 * In components use `useResource` (asks, polls, aborts) and `useStream` (server-sent events) instead.
 */

/** The API said no; `message` is for people, `code` for programs, `body` is all that it said. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export interface Asking {
  signal?: AbortSignal;
}

/** Return the answer to a GET. `query` members that are empty or undefined are left out. */
export function get<T>(path: string, { signal, query }: Asking & { query?: Query } = {}): Promise<T> {
  return call(withQuery(path, query), signal ? { signal } : {});
}

/** Return the answer to a POST of `body` as JSON. The server takes it from this very page only. */
export function post<T>(path: string, body: unknown, { signal }: Asking = {}): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return call(path, { method: "POST", headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
}

export type Query = URLSearchParams | Record<string, string | number | boolean | undefined | null>;

export function withQuery(path: string, query: Query = {}): string {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const asked = new URLSearchParams();
  for (const [key, value] of entries) if (value !== undefined && value !== null && value !== "" && value !== false) asked.append(key, value === true ? "1" : String(value));
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

/** Ask the API and return its answer. Without a session the browser goes to the login. */
export async function call<T>(path: string, options: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, "unreachable", "Trackway does not answer. Is it still running?");
  }
  if (response.status === 401) goToLogin();
  const answer: unknown = await response.json().catch((error: unknown) => {
    if (isAbort(error)) throw error;
    return null;
  });
  if (response.ok) return answer as T;
  const said = (answer ?? {}) as { code?: string; message?: string };
  throw new ApiError(response.status, said.code ?? "unknown", said.message ?? `Trackway answered ${response.status}.`, said as Record<string, unknown>);
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** What to tell people about an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Leave for the login page, which comes back here. */
export function goToLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}
