import { describe, expect, it } from "vitest";
import { sortAlias, sortPage, sortTrack, sortUser } from "../src/arguments";

// Expected results are those of analytics-next's own resolvers, called by hand; `parity.test.ts` plays both at random.
const call = () => {};
const p = { plan: "pro" };
const o = { integrations: { All: false } };

describe("track", () => {
  it.each([
    [["E"], ["E", {}, {}]],
    [["E", p], ["E", p, {}]],
    [["E", p, o], ["E", p, o]],
    [["E", p, o, call], ["E", p, o]],
    [["E", p, call], ["E", p, {}]],
    [["E", call], ["E", {}, {}]],
    [["E", null, o], ["E", {}, o]],
    [["E", undefined, null], ["E", {}, {}]],
    [[{ event: "E", properties: p }], ["E", p, {}]],
    [[{ event: "E", properties: p }, o], ["E", p, o]],
    [[{ event: "E" }, call], ["E", {}, {}]],
  ])("%j", (given, sorted) => expect(sortTrack(given)).toEqual(sorted));

  it.each([[[]], [[""]], [[7]], [[{ properties: p }]]])("%j has no name", (given) =>
    expect(() => sortTrack(given)).toThrow("Event missing"),
  );
});

describe("page and screen", () => {
  it.each([
    [[], [null, null, {}, {}]],
    [["name"], [null, "name", {}, {}]],
    [["category", "name"], ["category", "name", {}, {}]],
    [[null, "name"], [null, "name", {}, {}]],
    [["category", null], [null, "category", {}, {}]],
    [[p], [null, null, p, {}]],
    [[p, o], [null, null, p, o]],
    [["name", p], [null, "name", p, {}]],
    [["name", p, o, call], [null, "name", p, o]],
    [["category", "name", p, o, call], ["category", "name", p, o]],
    [["category", "name", call], ["category", "name", {}, {}]],
    [["category", "name", null, o], ["category", "name", {}, o]],
    [[call], [null, null, {}, {}]],
  ])("%j", (given, sorted) => expect(sortPage(given)).toEqual(sorted));
});

describe("identify and group", () => {
  it.each([
    [[], ["known", {}, {}]],
    [["u1"], ["u1", {}, {}]],
    [[7], ["7", {}, {}]],
    [["u1", p], ["u1", p, {}]],
    [["u1", p, o], ["u1", p, o]],
    [["u1", call], ["u1", {}, {}]],
    [["u1", p, call], ["u1", p, {}]],
    [["u1", null, o], ["u1", {}, o]],
    [[p], ["known", p, {}]],
    [[p, o], ["known", p, o]],
    [[p, call], ["known", p, {}]],
    [[null, p], ["known", p, {}]],
    [[undefined, p, o, call], ["known", p, o]],
    [[call], ["known", {}, {}]],
    [["u1", call, p], ["u1", {}, {}]],
  ])("%j", (given, sorted) => expect(sortUser(given, "known")).toEqual(sorted));
});

describe("alias", () => {
  it.each([
    [["new"], ["new", undefined, {}]],
    [["new", "old"], ["new", "old", {}]],
    [[7, 8], ["7", "8", {}]],
    [["new", o], ["new", undefined, o]],
    [["new", "old", o, call], ["new", "old", o]],
    [["new", call], ["new", undefined, {}]],
  ])("%j", (given, sorted) => expect(sortAlias(given)).toEqual(sorted));
});
