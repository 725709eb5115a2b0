/** What sources send, and what is planned; `src/trackway/catalogue` and `console/plans.py` are the other side. */

export interface PathEntry {
  path: string;
  types: Record<string, number>;
  first_ms: number;
  last_ms: number;
  samples: string[];
}

export interface EventEntry {
  source: string;
  type: string;
  name: string;
  count: number;
  first_ms: number;
  last_ms: number;
  unlisted: number;
  paths: PathEntry[];
}

export interface Catalogue {
  events: EventEntry[];
  beyond: { source: string; type: string; count: number }[];
  blocked: { source: string; type: string; name: string; count: number; first_ms: number; last_ms: number }[];
}

export interface Volumes {
  first_hour: number;
  volumes: { source: string; type: string; name: string; hours: number[] }[];
}

export interface Naming {
  source: string;
  name: string;
  code: string;
  message: string;
  suggestion: string | null;
}

export interface Finding {
  at_ms: number;
  source: string;
  type: string;
  name: string;
  path: string;
  code: string;
  detail: string;
  suggestion: string | null;
  message_id: string;
  place: [number, number];
}

export interface PersonalField {
  path: string;
  level: "red" | "yellow" | "green";
  kind: string;
  told_by: "key" | "values" | "settings";
  looks: Record<string, number>;
  values: number;
  first_ms: number;
  last_ms: number;
  /** Source, type and name. */
  events: [string, string, string][];
  rules: string[];
}

export interface Rule {
  type: string;
  name: string;
  version: number;
  description: string;
  rows: { path: string; types: string[]; required: boolean; enum: unknown[]; description: string }[];
  seen: number;
  last_ms: number | null;
}

export interface Coverage {
  source: string;
  plan: string;
  file: string;
  controls: Record<string, string> | null;
  rules: Rule[];
  planned_names: number;
  names: number;
  planned_events: number;
  events: number;
  mistake: string;
}

export interface Violation {
  source: string;
  type: string;
  name: string;
  code: string;
  pointer: string;
  detail: string;
  count: number;
  first_ms: number;
  last_ms: number;
  days: Record<string, number>;
  samples: { message_id: string; partition: number; offset: number }[];
}

export interface Draft {
  file: string;
  rule: string;
  whole: string;
  events: number;
  new_file: boolean;
}

export function keyOf(one: { source: string; type: string; name: string }): string {
  return JSON.stringify([one.source, one.type, one.name]);
}

export function pageOf(one: { source: string; type: string; name: string }): string {
  const parts = [one.source, one.type, ...(one.name ? [one.name] : [])];
  return `/catalogue/${parts.map(encodeURIComponent).join("/")}`;
}

/** Whether a source's plan has a rule for an event; null when it says nothing about such: only track events have names. */
export function isPlanned(coverage: readonly Coverage[], one: { source: string; type: string; name: string }): boolean | null {
  const found = coverage.find((each) => each.source === one.source);
  if (!found?.plan) return null;
  const planned = found.rules.some((rule) => rule.type === one.type && (rule.type !== "track" || rule.name === one.name));
  return planned || one.type === "track" ? planned : null;
}
