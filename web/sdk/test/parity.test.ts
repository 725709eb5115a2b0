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

const values = [undefined, null, "text", "other", "", 0, 41, { a: 1 }, { b: { c: 2 } }, {}, () => 0, true, [1], new Date(0)];

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

it.each([
  ["track", sortTrack, resolveArguments, 3],
  ["page", sortPage, resolvePageArguments, 4],
  ["identify", (given: Sorted) => sortUser(given, "known"), resolveUser, 4],
])("%s", (_name, ours, theirs, most) => {
  for (let length = 0; length <= most; length++)
    for (const given of argumentLists(length)) {
      const expected = outcome(() => withoutCallback(theirs(...given)));
      // What is no object is no options: theirs passes it on, and spreads it away later.
      const plain = (value: unknown) =>
        Array.isArray(value) && value.map((part, place) => (place == value.length - 1 && !isPlain(part) ? {} : part));
      expect(plain(outcome(() => ours(given))) || "refused", JSON.stringify(given)).toEqual(plain(expected) || "refused");
    }
});

it("alias", () => {
  for (let length = 1; length <= 3; length++)
    for (const given of argumentLists(length)) {
      // An alias to nobody is refused by the collector either way.
      if (typeof given[0] != "string" && typeof given[0] != "number") continue;
      // Theirs takes a text in the place of the options for an id.
      if (given.slice(2).some((value) => !isPlain(value) && !isFunction(value))) continue;
      expect(outcome(() => sortAlias(given)), JSON.stringify(given)).toEqual(
        outcome(() => withoutCallback(resolveAliasArguments(...given))),
      );
    }
});

const isPlain = (value: unknown) => Object.prototype.toString.call(value) == "[object Object]";
