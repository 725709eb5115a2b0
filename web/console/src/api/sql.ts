/** Questions to a warehouse. */
import { post } from "./client";

export interface SqlResult {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  duration_ms: number;
}

/** Ask the warehouse of this name, else the first one. */
export function runSql(sql: string, limit: number, signal: AbortSignal, warehouse?: string): Promise<SqlResult> {
  return post("/api/sql", { sql, limit, ...(warehouse ? { warehouse } : {}) }, { signal });
}
