export type Values = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

export const isString = (value: unknown): value is string => typeof value == "string";
export const isFunction = (value: unknown): value is (...given: never[]) => unknown => typeof value == "function";
export const isObject = (value: unknown): value is Values => ({}).toString.call(value) == "[object Object]";

/** Returns a random UUID: on insecure pages, which have no `crypto.randomUUID`, the end of a blob's address. */
export const uuid = (): string => {
  const id = crypto.randomUUID?.() ?? URL.createObjectURL(new Blob());
  URL.revokeObjectURL(id);
  return id.slice(-36);
};

/** Returns the parameters whose names match, under the pattern's first group. */
export const pick = (query: URLSearchParams, pattern: RegExp): Values => {
  const found: Values = {};
  query.forEach((value, name) => {
    name.replace(pattern, (_, key: string) => (found[key] = value));
  });
  return found;
};
