/** The warehouse's tables and columns, asked for by SQL. */
import type { Completion } from "@codemirror/autocomplete";
import { useEffect, useState } from "preact/hooks";
import { isAbort, messageOf } from "../api/client";
import { runSql } from "../api/sql";
import type { Warehouse } from "../api/warehouses";

export interface Table {
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
  /** As the database estimates it; null when it does not. */
  rows: number | null;
}

const OWN = "('information_schema', 'pg_catalog', '_trackway')";
const DUCKDB = `select c.table_schema, c.table_name, list(c.column_name order by c.ordinal_position), list(c.data_type order by c.ordinal_position), any_value(t.estimated_size)
from information_schema.columns c
left join duckdb_tables() t on t.schema_name = c.table_schema and t.table_name = c.table_name
where c.table_schema not in ${OWN}
group by 1, 2 order by 1, 2`;
const POSTGRES = `select c.table_schema, c.table_name, json_agg(c.column_name order by c.ordinal_position), json_agg(c.data_type order by c.ordinal_position), max(k.reltuples)
from information_schema.columns c
left join pg_class k on k.oid = to_regclass(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))
where c.table_schema not in ${OWN}
group by 1, 2 order by 1, 2`;
/** What lists the tables of a warehouse; files are asked by DuckDB, which does not count what it has not read. */
const TABLES = { duckdb: DUCKDB, files: DUCKDB.replace("any_value(t.estimated_size)", "null"), postgres: POSTGRES };
const MOST = 10_000;

export interface Schema {
  tables: Table[];
  problem: string;
  ready: boolean;
  reload: () => void;
}

/** The tables of a warehouse now; asked for once, and again on wish. */
export function useSchema(warehouse: Pick<Warehouse, "name" | "type"> | undefined): Schema {
  const [state, setState] = useState<Omit<Schema, "reload"> & { of: string }>({ tables: [], problem: "", ready: false, of: "" });
  const [turn, setTurn] = useState(0);
  const { name, type } = warehouse ?? {};
  useEffect(() => {
    if (name === undefined || type === undefined) return;
    setState((old) => (old.of === name ? old : { tables: [], problem: "", ready: false, of: name }));
    const abort = new AbortController();
    runSql(TABLES[type], MOST, abort.signal, name).then(
      (answer) => setState({ tables: answer.rows.map(tableOf), problem: "", ready: true, of: name }),
      (error: unknown) => { if (!isAbort(error)) setState((old) => ({ ...old, problem: messageOf(error), ready: true })); },
    );
    return () => abort.abort();
  }, [turn, name, type]);
  return { ...state, reload: () => setTurn(turn + 1) };
}

function tableOf(row: unknown[]): Table {
  const [schema, name, columns, types, rows] = row;
  const kinds = listOf(types);
  const named = listOf(columns).map((column, i) => ({ name: String(column), type: String(kinds[i] ?? "") }));
  return { schema: String(schema), name: String(name), rows: typeof rows === "number" && rows >= 0 ? rows : null, columns: named };
}

/** A list, or one as JSON text. */
function listOf(value: unknown): unknown[] {
  const found: unknown = typeof value === "string" ? JSON.parse(value) : value;
  return Array.isArray(found) ? found : [];
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
