/** The visitor, or the group they belong to: who they are, as far as this browser knows. */

import type { Storage } from "./storage";
import type { User } from "./types";
import { uuid, type Values } from "./values";

/** Returns a person kept under these keys; a group has no `anonymousKey`. */
export const createPerson = (storage: Storage, idKey: string, traitsKey: string, anonymousKey?: string): User => {
  const anonymousId = (next?: string | null) => {
    if (!anonymousKey) return undefined;
    if (next === undefined)
      next =
        storage.read(anonymousKey, true, true) ||
        // An older generation's name.
        storage.cookie("_sio")?.split("----")[0] ||
        uuid();
    storage.write(anonymousKey, next, true);
    return next;
  };

  const id = (next?: string | null) => {
    const before = storage.read(idKey, true);
    if (next === undefined) return before;
    storage.write(idKey, next, true);
    if (before && next && next != before) anonymousId(null);
    return next;
  };

  const traits = (next?: Values | null): Values => {
    if (next !== undefined) storage.write(traitsKey, next ?? {});
    return storage.read(traitsKey) ?? {};
  };

  const reset = () => {
    anonymousId(null);
    id(null);
    storage.write(traitsKey, null);
  };

  return {
    id,
    traits,
    anonymousId,
    identify(next?: string | null, more?: Values) {
      const known = id();
      more = { ...((!known || known == next) && traits()), ...more };
      if (next) id(next);
      traits(more);
    },
    reset,
  };
};
