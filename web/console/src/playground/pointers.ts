/** Changes at JSON pointers as two objects that hold nothing else, to be shown as a difference. */
import type { Change } from "./api";

export function diffOf(changes: readonly Change[]): { before: unknown; after: unknown } {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const change of changes) {
    if ("before" in change) put(before, change.pointer, change.before);
    if ("after" in change) put(after, change.pointer, change.after);
  }
  return { before: before[""] ?? before, after: after[""] ?? after };
}

function put(root: Record<string, unknown>, pointer: string, value: unknown): void {
  if (!pointer) { root[""] = value; return; }
  const steps = pointer.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  let node = root;
  for (const step of steps.slice(0, -1)) {
    const below = Object.hasOwn(node, step) ? node[step] : undefined;
    const next = typeof below === "object" && below !== null ? (below as Record<string, unknown>) : {};
    if (next !== below) Object.defineProperty(node, step, { value: next, enumerable: true, configurable: true, writable: true });
    node = next;
  }
  Object.defineProperty(node, steps.at(-1)!, { value, enumerable: true, configurable: true, writable: true });
}
