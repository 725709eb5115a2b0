import type { Position } from "./api";

const EVENT_PATH = /^\/events\/([a-z]+)\/(\d{1,9})\/(\d{1,15})$/;

/** Read `/events/<topic>/<partition>/<offset>`. */
export function eventOf(path: string): Position | null {
  const found = EVENT_PATH.exec(path);
  if (!found) return null;
  return { topic: found[1]!, partition: Number(found[2]), offset: Number(found[3]) };
}
