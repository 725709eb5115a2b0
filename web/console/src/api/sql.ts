/** Questions to the warehouse. */
import { post } from "./client";

export interface SqlResult {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  duration_ms: number;
}

export function runSql(sql: string, limit: number, signal: AbortSignal): Promise<SqlResult> {
  return post("/api/sql", { sql, limit }, { signal });
}
