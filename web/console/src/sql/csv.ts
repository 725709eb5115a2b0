import type { SqlResult } from "../api/sql";

/** Return a result as CSV (RFC 4180) with a header line. */
export function csvOf(result: SqlResult): string {
  const lines = [result.columns.map((column) => column.name), ...result.rows.map((row) => row.map(textOf))];
  return lines.map((cells) => cells.map(cellOf).join(",")).join("\r\n") + "\r\n";
}

/** Return what a cell shows: text as it is, the rest as JSON, null as nothing. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Spreadsheets run text that begins like a formula; an apostrophe makes it text again. */
function cellOf(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
