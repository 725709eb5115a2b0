/** JSON pointers (RFC 6901). */

/** Return the pointer of a member below `parent`. */
export function below(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Tell whether `pointer` is `parent` or stands somewhere below it. */
export function isWithin(pointer: string, parent: string): boolean {
  return pointer === parent || pointer.startsWith(`${parent}/`);
}
