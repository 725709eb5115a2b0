/**
 * Sorts the arguments of a call as analytics.js does: nearly everything may be left out.
 *
 * Each function returns what the call is about, then its options; a callback may stand anywhere.
 */

import { isFunction, isObject, isString } from "./values";

export type Sorted = any[]; // eslint-disable-line @typescript-eslint/no-explicit-any

/** `track(event, properties?, options?, callback?)`, or `track({event, properties}, options?, callback?)`. */
export const sortTrack = (given: Sorted): Sorted => {
  let [event, properties, options] = given;
  if (isObject(event)) {
    options = properties;
    ({ event, properties } = event);
  }
  if (!isString(event) || !event) throw Error("Event missing");
  return [event, isObject(properties) ? properties : {}, isObject(options) ? options : {}];
};

/** `page(category?, name?, properties?, options?, callback?)`: a single string is the name. */
export const sortPage = (given: Sorted): Sorted => {
  const strings = given.filter(isString);
  const objects = given.filter(isObject);
  const two = strings.length == 2;
  // A single object in the fourth place is the options.
  if (objects.length == 1 && objects[0] == given[3]) objects.unshift({});
  const [properties = {}, options = {}] = objects.length > 2 ? [] : objects;
  return [
    two && isString(given[0]) ? given[0] : null,
    two && isString(given[1]) ? given[1] : strings.length == 1 ? strings[0] : null,
    properties,
    options,
  ];
};

/** `identify(id?, traits?, options?, callback?)` and `group`; without an id it is the `known` one. */
export const sortUser = (given: Sorted, known: string | null): Sorted => {
  const sorted: Sorted = [known, {}, {}];
  let place = 0;
  given.some((value) => {
    if (!place) {
      if (isString(value) || typeof value == "number") sorted[0] = `${value}`;
      else if (value != null) place = 1;
    }
    if (place && place < 3 && isObject(value)) sorted[place] = value;
    place++;
    return isFunction(value);
  });
  return sorted;
};

/** `alias(userId, previousId?, options?, callback?)`. */
export const sortAlias = (given: Sorted): Sorted => {
  const [userId, previousId] = given.map((id) => (typeof id == "number" ? `${id}` : id)).filter(isString);
  return [userId, previousId, given.find(isObject) ?? {}];
};
