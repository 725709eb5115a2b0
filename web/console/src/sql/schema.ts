/** The warehouse's tables and columns, asked for by SQL. */
import type { Completion } from "@codemirror/autocomplete";
import { useEffect, useState } from "preact/hooks";
import { isAbort, messageOf } from "../api/client";
import { runSql } from "../api/sql";

export interface Table {
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
  /** As the database estimates it. */
  rows: number;
}

const TABLES = `select c.table_schema, c.table_name, list(c.column_name order by c.ordinal_position), list(c.data_type order by c.ordinal_position), any_value(t.estimated_size)
from information_schema.columns c
left join duckdb_tables() t on t.schema_name = c.table_schema and t.table_name = c.table_name
where c.table_schema not in ('information_schema', 'pg_catalog', '_trackway')
group by 1, 2 order by 1, 2`;
const MOST = 10_000;

export interface Schema {
  tables: Table[];
  problem: string;
  ready: boolean;
  reload: () => void;
}

/** The tables now; asked for once, and again on wish. */
export function useSchema(): Schema {
  const [state, setState] = useState<Omit<Schema, "reload">>({ tables: [], problem: "", ready: false });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    runSql(TABLES, MOST, abort.signal).then(
      (answer) => setState({ tables: answer.rows.map(tableOf), problem: "", ready: true }),
      (error: unknown) => { if (!isAbort(error)) setState((old) => ({ ...old, problem: messageOf(error), ready: true })); },
    );
    return () => abort.abort();
  }, [turn]);
  return { ...state, reload: () => setTurn(turn + 1) };
}

function tableOf(row: unknown[]): Table {
  const [schema, name, columns, types, rows] = row;
  const kinds = Array.isArray(types) ? types : [];
  const named = Array.isArray(columns) ? columns.map((column, i) => ({ name: String(column), type: String(kinds[i] ?? "") })) : [];
  return { schema: String(schema), name: String(name), rows: Number(rows ?? 0) || 0, columns: named };
}

/** Quote a name as SQL wants it, where it has to be. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** What the editor completes: tables, with and without their schema, and their columns. */
export function completions(tables: readonly Table[]): Record<string, Completion[]> {
  const found: Record<string, Completion[]> = {};
  for (const table of tables) {
    const columns = table.columns.map((column): Completion => ({ label: sqlName(column.name), type: "property", detail: column.type.toLowerCase() }));
    found[`${table.schema}.${table.name}`] = columns;
    // Without a schema a table is looked for in the sources' order: the first one is meant.
    found[table.name] ??= columns;
  }
  return found;
}
