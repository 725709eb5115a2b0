/**
 * The workspace's warehouses, and which of them a page is about: `?warehouse=NAME`, else the first.
 *
 *     const { all, chosen } = useWarehouses();
 *     <WarehouseChoice all={all} chosen={chosen} />       // nothing while there is only one
 */
import { useQueryParam } from "../ui/router";
import { useResource, type Resource } from "./useResource";

export interface Load {
  at: string;
  duration_s: number;
  events: number;
  rows: Record<string, number>;
  left_out: number;
  unreadable: number;
  columns_added: string[];
  columns_widened: Record<string, string>;
  diverted?: Record<string, number>;
}

export interface Warehouse {
  name: string;
  type: "duckdb" | "postgres" | "files";
  /** Columns that got another type, or whose values did not fit. */
  findings: { column: string; code: "diverted" | "widened"; count: number; first_ms: number; last_ms: number; detail: string }[];
  /** The copy for other tools; null where none is made. */
  snapshot: { path: string; made_ms: number | null; every_s: number | null } | null;
  /** Columns that keep their type. */
  own_columns: string[];
  status: {
    state: "starting" | "idle" | "loading" | "failing" | "stopped";
    events: number;
    left_out: number;
    unreadable: number;
    missed: number;
    rows: Record<string, number>;
    columns_added: number;
    columns_widened: number;
    loads: number;
    last_load: Load | null;
    lag: number;
    error: string | null;
    error_at: string | null;
    failures: number;
    /** When the next load begins, or the next try, if that is known. */
    next_at: string | null;
  };
}

interface Warehouses {
  resource: Resource<{ warehouses: Warehouse[] }>;
  all: Warehouse[];
  /** Undefined until the first answer, or when none is switched on. */
  chosen: Warehouse | undefined;
}

export function useWarehouses(everyMs = 0): Warehouses {
  const resource = useResource<{ warehouses: Warehouse[] }>("/api/warehouse", { everyMs });
  const [name] = useQueryParam("warehouse");
  const all = resource.data?.warehouses ?? [];
  return { resource, all, chosen: all.find((one) => one.name === name) ?? all[0] };
}

/** The query that an address needs to be about `chosen`: empty for the first one. */
export function queryOf(all: readonly Warehouse[], chosen: Warehouse | undefined): { warehouse?: string } {
  return chosen && chosen !== all[0] ? { warehouse: chosen.name } : {};
}
