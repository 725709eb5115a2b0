import { describe, expect, it } from "vitest";
import { diffLines } from "../src/json/diff";

const shown = (before: unknown, after: unknown, all = false) =>
  diffLines(before, after, { all }).map((line) => ({ same: " ", added: "+", removed: "-", skipped: "~" })[line.kind] + " ".repeat(line.depth) + line.text);

describe("diff of JSON", () => {
  it("shows what came, went and changed, and where", () => {
    expect(shown({ a: 1, b: { c: [1, 2], d: "x" } }, { a: 1, b: { c: [1, 3], e: null } })).toEqual([
      ' {', '  "a": 1,', '  "b": {', '   "c": [', "    1,", "-   2", "+   3", "   ],", '-  "d": "x",', '+  "e": null', "  }", " }",
    ]);
  });

  it("folds what stayed, and says how much that is", () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]));
    const lines = shown(many, { ...many, k10: "new" });
    expect(lines).toEqual([" {", "~ 9", '  "k9": 9,', '- "k10": 10,', '+ "k10": "new",', '  "k11": 11,', "~9"]);
    expect(shown(many, { ...many, k10: "new" }, true)).toHaveLength(23);
  });

  it("has nothing to show for equals, in any order of members", () => {
    expect(shown({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
    expect(shown(undefined, undefined)).toEqual([]);
  });
});
