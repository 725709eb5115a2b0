import { describe, expect, it } from "vitest";
import { countOf, filterOf, NO_FILTER, queryOf } from "../src/live/filter";

describe("filter", () => {
  it("reads back from an address as it was written", () => {
    const filter = { ...NO_FILTER, q: "a&b=c #", outcome: "quarantined" as const, type: "track", user: "ü" };
    expect(filterOf(new URLSearchParams(queryOf(filter).toString()))).toEqual(filter);
  });

  it("leaves out what asks nothing", () => {
    expect(queryOf({ ...NO_FILTER, name: "  " }).toString()).toBe("");
    expect(queryOf({ ...NO_FILTER, name: " order " }).toString()).toBe("name=order");
  });

  it("ignores an outcome that does not exist, and unknown keys", () => {
    expect(filterOf(new URLSearchParams("outcome=odd&evil=1"))).toEqual(NO_FILTER);
  });

  it("counts its parts", () => {
    expect(countOf(NO_FILTER)).toBe(0);
    expect(countOf({ ...NO_FILTER, q: "x", type: "page" })).toBe(2);
  });
});
