/** Which client libraries sources use; `src/trackway/catalogue/clients.py`. */
export interface Client {
  source: string;
  /** "" for calls that name none. */
  library: string;
  version: string;
  count: number;
  first_ms: number;
  last_ms: number;
}
