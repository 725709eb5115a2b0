import type { Outcome } from "../api/records";

/** What a viewer wants to see; an empty member asks nothing. The server applies it. */
export interface Filter {
  q: string;
  outcome: Outcome | "";
  type: string;
  source: string;
  name: string;
  user: string;
  /** FQL. */
  where: string;
}

export const TYPES = ["track", "identify", "page", "screen", "group", "alias"] as const;
export const OUTCOMES: readonly { value: Filter["outcome"]; label: string }[] = [
  { value: "", label: "All" },
  { value: "ok", label: "Accepted" },
  { value: "quarantined", label: "Quarantined" },
  { value: "dropped", label: "Left out" },
];

export const NO_FILTER: Filter = { q: "", outcome: "", type: "", source: "", name: "", user: "", where: "" };
const KEYS = Object.keys(NO_FILTER) as (keyof Filter)[];

/** Read a filter from an address; what is unknown or nonsense there is left out. */
export function filterOf(query: URLSearchParams): Filter {
  const filter: Filter = { ...NO_FILTER };
  for (const key of KEYS) {
    const value = query.get(key) ?? "";
    if (key !== "outcome") filter[key] = value;
    else if (OUTCOMES.some((each) => each.value === value)) filter.outcome = value as Filter["outcome"];
  }
  return filter;
}

/** Write a filter for an address, leaving out what asks nothing. */
export function queryOf(filter: Filter): URLSearchParams {
  const query = new URLSearchParams();
  for (const key of KEYS) if (filter[key].trim()) query.set(key, filter[key].trim());
  return query;
}

/** Tell how many parts of the filter ask something. */
export function countOf(filter: Filter): number {
  return [...queryOf(filter)].length;
}
