import { describe, expect, it } from "vitest";
import { groupBy, standsOut, type Row } from "../src/breakdown/counts";

const rows: Row[] = [
  { source: "app", type: "track", name: "Seen", version: "1.0", events: 90, destinations: { crm: { delivered: 90 } } },
  { source: "app", type: "track", name: "Seen", version: "1.1", events: 10, violating: 2, violations: { plan_required: 2 }, destinations: { crm: { delivered: 3, failed: { "400": 5 }, retrying: 1, pending: 1 } } },
  { source: "web", type: "page", name: "Home", version: "", events: 4, destinations: { crm: { discarded: { FILTERED: 3 }, earlier: 1 } } },
  { source: "app", type: "track", name: "", version: "1.1", refused: { event_not_string: 7 } },
];

describe("groups", () => {
  it("are added up by one way of telling apart, the most frequent first", () => {
    const groups = groupBy(rows, "version", {}, "crm");
    expect(groups.map((group) => [group.value, group.events])).toEqual([["1.0", 90], ["1.1", 10], ["", 4]]);
    expect(groups[1]).toMatchObject({ delivered: 3, failed: { "400": 5 }, waiting: 2, violating: 2, refused: { event_not_string: 7 } });
    expect(groups[2]).toMatchObject({ discarded: { FILTERED: 3 }, earlier: 1 });
  });

  it("are of what was chosen alone, also of what has no value", () => {
    expect(groupBy(rows, "name", { version: "1.1" }, "crm").map((group) => group.value)).toEqual(["Seen", ""]);
    expect(groupBy(rows, "type", { version: "" }, "crm").map((group) => group.value)).toEqual(["page"]);
  });
});

describe("what stands out", () => {
  it("goes wrong twice as often as all the others", () => {
    expect(standsOut(10, 100, 14, 300)).toBe(true);
    expect(standsOut(10, 100, 30, 300)).toBe(false);
  });

  it("is not a handful of calls, nor the only one there is", () => {
    expect(standsOut(4, 5, 4, 300)).toBe(false);
    expect(standsOut(50, 100, 50, 100)).toBe(false);
  });
});
