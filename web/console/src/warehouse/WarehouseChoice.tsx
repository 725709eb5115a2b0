/** Which warehouse a page is about; nothing while there is only one. */
import { queryOf, type Warehouse } from "../api/warehouses";
import { router } from "../ui/router";

export function WarehouseChoice({ all, chosen }: { all: readonly Warehouse[]; chosen: Warehouse | undefined }) {
  if (all.length < 2 || !chosen) return null;
  const choose = (name: string) => router.setQuery({ warehouse: queryOf(all, all.find((one) => one.name === name)).warehouse ?? "" });
  return (
    <select class="choice" aria-label="Warehouse" value={chosen.name} onChange={(event) => choose(event.currentTarget.value)}>
      {all.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
    </select>
  );
}
