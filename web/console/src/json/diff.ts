/** What changed between two JSON values, as lines to show. */

export interface DiffLine {
  kind: "same" | "added" | "removed" | "skipped";
  depth: number;
  /** JSON of this line, without indentation; of a skipped one, how many lines it stands for. */
  text: string;
}

const CONTEXT = 1;
const SHORT_RUN = 3;

/** Return both values as one text of lines; members that stayed as they were are left out but for those beside a change. */
export function diffLines(before: unknown, after: unknown, { all = false } = {}): DiffLine[] {
  const lines: DiffLine[] = [];
  walk(lines, before, after, 0, "", true);
  return all ? lines : folded(lines);
}

function walk(lines: DiffLine[], before: unknown, after: unknown, depth: number, name: string, last: boolean): void {
  if (same(before, after)) return put(lines, "same", after, depth, name, last);
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const [open, close] = Array.isArray(after) ? ["[", "]"] : ["{", "}"];
    const comma = last ? "" : ",";
    lines.push({ kind: "same", depth, text: name + open });
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    keys.forEach((key, i) => {
      const label = Array.isArray(after) ? "" : `${JSON.stringify(key)}: `;
      const had = Object.hasOwn(before, key);
      const has = Object.hasOwn(after, key);
      const end = i === keys.length - 1;
      if (had && has) walk(lines, (before as Members)[key], (after as Members)[key], depth + 1, label, end);
      else put(lines, has ? "added" : "removed", ((has ? after : before) as Members)[key], depth + 1, label, end);
    });
    lines.push({ kind: "same", depth, text: close + comma });
    return;
  }
  if (before !== undefined) put(lines, "removed", before, depth, name, last);
  if (after !== undefined) put(lines, "added", after, depth, name, last);
}

type Members = Record<string, unknown>;

function put(lines: DiffLine[], kind: DiffLine["kind"], value: unknown, depth: number, name: string, last: boolean): void {
  const texts = (JSON.stringify(value, null, 1) ?? "null").split("\n");
  texts.forEach((text, i) => {
    const bare = text.replace(/^ */, "");
    const inner = text.length - bare.length;
    lines.push({ kind, depth: depth + inner, text: (i === 0 ? name : "") + bare + (i === texts.length - 1 && !last ? "," : "") });
  });
}

/** Replace long runs of unchanged lines by a note of how many there are. */
function folded(lines: DiffLine[]): DiffLine[] {
  const near = nearChanges(lines);
  if (!near.size) return [];
  const kept: DiffLine[] = [];
  let run: DiffLine[] = [];
  const endRun = (depth: number) => {
    if (run.length < SHORT_RUN) kept.push(...run);
    else kept.push({ kind: "skipped", depth, text: String(run.length) });
    run = [];
  };
  lines.forEach((line, i) => {
    if (!near.has(i)) run.push(line);
    else { endRun(line.depth); kept.push(line); }
  });
  endRun(0);
  return kept;
}

/** Return the lines that changed, those beside them, and the openings of the objects that they stand in. */
function nearChanges(lines: DiffLine[]): Set<number> {
  const near = new Set<number>();
  lines.forEach((line, i) => {
    if (line.kind === "same") return;
    for (let at = i - CONTEXT; at <= i + CONTEXT; at++) near.add(at);
    let depth = line.depth;
    for (let at = i - 1; at >= 0 && depth > 0; at--) if (lines[at]!.depth < depth) { near.add(at); depth = lines[at]!.depth; }
  });
  return near;
}

function isBranch(value: unknown): value is object {
  return value !== null && typeof value === "object";
}

export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isBranch(one) || !isBranch(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length
    && keys.every((key) => Object.hasOwn(other, key) && same((one as Members)[key], (other as Members)[key]));
}
