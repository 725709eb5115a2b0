/**
 * A table of rows that can be sorted, one of whose cells may lead somewhere.
 *
 *     <DataTable label="Sources" rows={sources} rowKey={(row) => row.key} sort="-events"
 *       href={(row) => `/sources/${row.key}`}
 *       columns={[
 *         { key: "name", label: "Source", cell: (row) => row.name, sort: (row) => row.name },
 *         { key: "events", label: "Events", number: true, cell: (row) => whole(row.events), sort: (row) => row.events },
 *         { key: "seen", label: "Last seen", hide: "narrow", cell: (row) => <When at={row.seen} /> },
 *       ]} />
 *
 * The first column is each row's heading; with `href` it is a link that the whole row answers to. `hide` drops a column
 * where there is no room: "medium" below 1080 px, "narrow" below 720 px. Long tables (over `PAGE` rows) are shown in parts.
 */
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { whole } from "./format";
import { SortIcon } from "./icons";
import { Link } from "./Link";

export interface Column<Row> {
  key: string;
  label: string;
  /** What the heading shows when that is more than its name. */
  head?: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** The value to sort by; without it the column cannot be sorted. */
  sort?: (row: Row) => string | number;
  /** Align at the right, in figures of equal width. */
  number?: boolean;
  hide?: "medium" | "narrow";
  /** A CSS width, such as "120px" or "30%". */
  width?: string;
}

interface Props<Row> {
  /** What the table lists, for those who hear it. */
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  href?: (row: Row) => string | undefined;
  onRow?: (row: Row) => void;
  /** The key to sort by at first, with `-` for falling. Without, rows stay in the order given. */
  sort?: string;
  /** In place of a table without rows. */
  empty?: ComponentChildren;
  tone?: (row: Row) => "bad" | "odd" | "off" | undefined;
}

const PAGE = 200;

export function DataTable<Row>({ label, rows, columns, rowKey, href, onRow, sort = "", empty, tone }: Props<Row>) {
  const [order, setOrder] = useState(sort);
  const [shown, setShown] = useState(PAGE);
  const sorted = useMemo(() => sortBy(rows, columns, order), [rows, columns, order]);
  if (!rows.length && empty) return <>{empty}</>;
  return (
    <div class="table-frame" tabIndex={0} role="group" aria-label={label}>
      <table class="table">
        <thead>
          <tr>{columns.map((column) => <Heading key={column.key} column={column} order={order} onOrder={setOrder} />)}</tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown).map((row) => (
            <tr key={rowKey(row)} class={[href?.(row) || onRow ? "leads" : "", tone?.(row) ?? ""].join(" ").trim() || undefined}>
              {columns.map((column, i) => i === 0
                ? <th key={column.key} scope="row" class={classOf(column)}><Lead row={row} href={href?.(row)} onRow={onRow}>{column.cell(row)}</Lead></th>
                : <td key={column.key} class={classOf(column)}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {shown < sorted.length && (
        <div class="table-more"><button type="button" class="button" onClick={() => setShown(shown + PAGE * 5)}>Show more of {whole(sorted.length)}</button></div>
      )}
    </div>
  );
}

function Lead<Row>({ row, href, onRow, children }: { row: Row; href: string | undefined; onRow: ((row: Row) => void) | undefined; children: ComponentChildren }) {
  if (href) return <Link class="lead" href={href}>{children}</Link>;
  if (onRow) return <button type="button" class="lead" onClick={() => onRow(row)}>{children}</button>;
  return <>{children}</>;
}

function Heading<Row>({ column, order, onOrder }: { column: Column<Row>; order: string; onOrder: (order: string) => void }) {
  const { key, label, sort, number, width } = column;
  const direction = order === key ? "ascending" : order === `-${key}` ? "descending" : undefined;
  // Numbers are mostly asked for from the largest on.
  const next = direction === "descending" ? key : direction === "ascending" || number ? `-${key}` : key;
  return (
    <th scope="col" class={classOf(column)} aria-sort={direction} style={width ? { width } : undefined}>
      {sort
        ? <button type="button" class="sort" data-direction={direction} onClick={() => onOrder(next)}>{column.head ?? label}<SortIcon /></button>
        : (column.head ?? label)}
    </th>
  );
}

function classOf<Row>(column: Column<Row>): string | undefined {
  return [column.number ? "number" : "", column.hide ? `hide-${column.hide}` : ""].join(" ").trim() || undefined;
}

function sortBy<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: string): readonly Row[] {
  const falling = order.startsWith("-");
  const value = columns.find((column) => column.key === order.replace(/^-/, ""))?.sort;
  if (!value) return rows;
  const sign = falling ? -1 : 1;
  return [...rows].sort((one, other) => sign * compare(value(one), value(other)));
}

function compare(one: string | number, other: string | number): number {
  if (typeof one === "string" && typeof other === "string") return one.localeCompare(other);
  return one < other ? -1 : one > other ? 1 : 0;
}
