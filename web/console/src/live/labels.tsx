import type { Entry } from "../api/records";
import { DuplicateIcon, OkIcon, RefusedIcon } from "../ui/icons";
import { TYPES } from "./filter";

const OUTCOME_WORDS = { ok: "Accepted", quarantined: "Quarantined", dropped: "Duplicate" } as const;

export function outcomeWord(entry: Entry): string {
  if (entry.outcome === "dropped" && entry.reason !== "duplicate") return "Left out";
  return OUTCOME_WORDS[entry.outcome];
}

/** The sign of what became of a record, with a word for those who do not see it. */
export function OutcomeMark({ entry }: { entry: Entry }) {
  const icon = { ok: <OkIcon />, quarantined: <RefusedIcon />, dropped: <DuplicateIcon /> }[entry.outcome];
  return (
    <span class={`outcome outcome-${entry.outcome}`} title={outcomeWord(entry)}>
      {icon}
      <span class="sr-only">{outcomeWord(entry)}</span>
    </span>
  );
}

/** The call's type on its own colour. */
export function TypeChip({ type }: { type: string }) {
  return <span class={`chip ${typeClass(type)}`}>{type || "unknown"}</span>;
}

export function typeClass(type: string): string {
  return `chip-${(TYPES as readonly string[]).includes(type) ? type : "unknown"}`;
}

/** What a line calls a record. */
export function Name({ entry }: { entry: Entry }) {
  return entry.name ? <span class="name">{entry.name}</span> : <span class="name unnamed">{unnamed(entry.outcome, entry.type)}</span>;
}

/** What a record without a name is called. */
export function unnamed(outcome: string, type: string): string {
  if (outcome === "dropped") return "Repeated message";
  const words: Record<string, string> = {
    identify: "User traits", group: "Group traits", alias: "Two ids, one user", page: "Unnamed page", screen: "Unnamed screen",
  };
  return words[type] ?? "No name";
}
