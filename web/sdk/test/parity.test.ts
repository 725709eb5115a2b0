/** Whatever the arguments are, they are sorted as analytics-next sorts them. */

import {
  resolveAliasArguments,
  resolveArguments,
  resolvePageArguments,
  resolveUserArguments,
  // @ts-expect-error: no types for an inner file
} from "@segment/analytics-next/dist/pkg/core/arguments-resolver";
import { expect, it } from "vitest";
import { sortAlias, sortPage, sortTrack, sortUser, type Sorted } from "../src/arguments";
import { isFunction } from "../src/values";

const values = [undefined, null, "text", "other", "", 41, { a: 1 }, { b: { c: 2 } }, () => 0, true, [1]];

function* argumentLists(length: number): Generator<unknown[]> {
  if (length == 0) return void (yield []);
  for (const rest of argumentLists(length - 1)) for (const value of values) yield [...rest, value];
}

/** What both make of it, with nothing said for what is absent; a refusal is text. */
const outcome = (sort: () => Sorted): unknown => {
  try {
    return sort().map((value) => value ?? null);
  } catch (error) {
    return String(error);
  }
};

const resolveUser = resolveUserArguments({ id: () => "known" });
const withoutCallback = (sorted: Sorted) => sorted.slice(0, -1);

/** What is no object is no options: theirs passes it on, and spreads it away later. */
const plain = (sorted: unknown) =>
  Array.isArray(sorted) ? [...sorted.slice(0, -1), isPlain(sorted.at(-1)) ? sorted.at(-1) : {}] : sorted;

const same = (ours: unknown, theirs: unknown) =>
  Array.isArray(ours) && Array.isArray(theirs)
    ? ours.length == theirs.length &&
      ours.every((one, place) => one === theirs[place] || JSON.stringify([one, theirs[place]]) == "[{},{}]")
    : ours === theirs;

it.each([
  ["track", sortTrack, resolveArguments, 3],
  ["page", sortPage, resolvePageArguments, 4],
  ["identify", (given: Sorted) => sortUser(given, "known"), resolveUser, 4],
])("%s", (_name, ours, theirs, most) => {
  let lists = 0;
  for (let length = 0; length <= most; length++)
    for (const given of argumentLists(length)) {
      lists++;
      const [found, expected] = [outcome(() => ours(given)), plain(outcome(() => withoutCallback(theirs(...given))))];
      if (!same(found, expected)) expect(found, JSON.stringify(given)).toEqual(expected);
    }
  expect(lists).toBeGreaterThan(values.length ** most);
});

it("alias", () => {
  let lists = 0;
  for (let length = 1; length <= 3; length++)
    for (const given of argumentLists(length)) {
      // An alias to nobody is refused by the collector either way.
      if (typeof given[0] != "string" && typeof given[0] != "number") continue;
      // Theirs takes a text in the place of the options for an id.
      if (given.slice(2).some((value) => !isPlain(value) && !isFunction(value))) continue;
      lists++;
      const [found, expected] = [outcome(() => sortAlias(given)), outcome(() => withoutCallback(resolveAliasArguments(...given)))];
      if (!same(found, expected)) expect(found, JSON.stringify(given)).toEqual(expected);
    }
  expect(lists).toBeGreaterThan(100);
});

const isPlain = (value: unknown) => Object.prototype.toString.call(value) == "[object Object]";
