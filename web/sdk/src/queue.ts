/**
 * Events on their way to the collector.
 *
 * Each event lies in localStorage under a key of its own from the call until its answer was read, so a crash loses
 * nothing. The key has the time in it: for `LEASE_MS` an event is its page's own; afterwards the page that finds it takes
 * it, and leaves a mark that keeps others from taking any for as long. Time in which no page could send does not count. A
 * Web Lock lets one page send at a time; by itself it keeps nobody from sending what another page has just sent, since what
 * one has removed, the other may see a little later, and insecure pages have no such lock. When a page is left, what it
 * has under way is handed over to the browser and set aside: the next answer shows whether the collector could be reached,
 * and the events go or come back.
 */

import { isPassing, waitAfter } from "./retry";
import type { Storage } from "./storage";
import type { Options } from "./types";
import type { Values } from "./values";

/** As long as a request may take. */
export const LEASE_MS = 3e4;
const LONGEST_WAIT_MS = 3e5;
const OLDEST_MS = 6048e5;
const MOST_EVENTS = 1000;
/** Browsers take 64 KiB for all requests together that outlive their page. */
const MOST_BYTES = 6e4;

export interface Queue {
  /** Keeps an event and sends it soon. */
  add(event: Values): void;
  /** Sends what waits; done when all had an answer, or none can be had now. */
  flush(): Promise<void>;
  /** Forgets all events that were not sent. */
  clear(): void;
}

export const createQueue = (
  storage: Storage,
  host: string,
  writeKey: string,
  { flushAt = 20, flushInterval = 300 }: Options,
  onRefusal: (status: number, events: Values[]) => void,
): Queue => {
  const { get, set, remove, keys: keysOf } = storage;
  const prefix = `tw.${writeKey}.`;
  const waiting = prefix + "q";
  const handedOver = prefix + "h";
  const pauseKey = prefix + "pause";
  const own = new Set<string>();
  let underWay: string[] = [];
  let failures = 0;
  let added = 0;
  let stamp = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = Infinity;
  let running: Promise<void> | undefined;

  const ageOf = (key: string) => Math.abs(Date.now() - +key.slice(waiting.length).slice(0, 13));
  const drop = (key: string) => {
    own.delete(key);
    remove(key);
  };
  const move = (to: string) => (key: string) => {
    const text = get(key);
    if (text) set(to + key.slice(to.length), text);
    drop(key);
  };

  /** Milliseconds until something may be sent, less than 0 since then, or NaN; holds for all pages of the site. */
  const pause = () => {
    const left = navigator.onLine ? +get(pauseKey)! - Date.now() : LONGEST_WAIT_MS;
    return left > LONGEST_WAIT_MS ? -left : left;
  };

  /** Takes as many events as have room, but at least one, into the body of a request. */
  const pack = (keys: string[]): [batch: string[], body: Blob, texts: string[]] => {
    const texts: string[] = [];
    let bytes = 0;
    const batch = keys.filter((key) => {
      const text = get(key);
      return text && ((bytes += new Blob([text]).size) < MOST_BYTES || !texts[0]) && texts.push(text);
    });
    return [
      batch,
      new Blob([JSON.stringify({ writeKey, sentAt: new Date() }).slice(0, -1) + `,"batch":[${texts}]}`]),
      texts,
    ];
  };

  const schedule = (ms: number) => {
    const then = Date.now() + ms;
    if (then < due) {
      due = then;
      clearTimeout(timer);
      timer = setTimeout(flush, ms);
    }
  };

  /** Looks for events that crashed pages have left, and not all pages at the same moment. */
  const lookLater = () => schedule(LEASE_MS + 1e3 * Math.random());

  const sendAll = async (): Promise<void> => {
    const keys = keysOf(waiting).sort();
    const wait = pause();
    keys.forEach((key, place) => {
      if (ageOf(key) > OLDEST_MS || place < keys.length - MOST_EVENTS) drop(key);
      // Events of other pages are theirs to send, unless those have crashed: the first page that finds them takes them.
      else if (!(own.has(key) || ageOf(key) < LEASE_MS || wait > -LEASE_MS)) {
        own.add(key);
        set(pauseKey, Date.now());
      }
    });
    if (wait > 0) return schedule(wait);
    if (!keys[0]) return;
    const [batch, body, texts] = pack([...own]);
    if (!batch[0]) return lookLater();
    const keepalive = body.size < MOST_BYTES && !failures;
    if (keepalive && "keepalive" in Request.prototype) underWay = batch;
    let answer: Response | undefined;
    try {
      answer = await fetch(`${host}/v1/b`, {
        method: "POST",
        body,
        keepalive,
        headers: (failures ? { "X-Retry-Count": failures } : {}) as HeadersInit,
        signal: AbortSignal.timeout?.(LEASE_MS),
      } as RequestInit);
    } catch {
      // It may have arrived or not.
    }
    underWay = [];
    const status = answer?.status;
    const handed = keysOf(handedOver);
    if (isPassing(status)) {
      const ms = waitAfter(++failures, answer?.headers.get("Retry-After"));
      if (ms) set(pauseKey, Date.now() + ms);
      handed.forEach(move(waiting));
    } else {
      failures = 0;
      if (status! > 399) onRefusal(status!, texts.map((text) => JSON.parse(text)));
      handed.concat(batch).forEach(drop);
    }
    return sendAll();
  };

  /** Sends while no other page of the site does. */
  const sendAlone = async () => navigator.locks?.request(prefix, sendAll).catch(sendAll) ?? sendAll();

  const flush = (): Promise<void> => {
    due = Infinity;
    added = 0;
    if (running) schedule(flushInterval);
    return (running ??= sendAlone().finally(() => (running = undefined)));
  };

  /** Gives the browser what it can still send when the page is gone. */
  const leave = () => {
    const [batch, body] = pack([...own].filter((key) => !underWay.includes(key) && ageOf(key) < LEASE_MS));
    underWay.forEach(move(handedOver));
    if (batch[0] && !(pause() > 0) && navigator.sendBeacon(`${host}/v1/b`, body)) batch.forEach(move(handedOver));
  };

  addEventListener("pagehide", leave);
  // Another page has stored something: an event may be ours to send, if that page does not.
  addEventListener("storage", lookLater);
  addEventListener("online", () => pause() > 0 || set(pauseKey, Date.now()));
  addEventListener("online", flush);
  addEventListener("pageshow", flush);
  addEventListener("visibilitychange", flush);
  schedule(0);

  return {
    add(event) {
      stamp = Math.max(stamp + 1, Date.now() * 1000);
      const key = waiting + stamp + Math.random();
      own.add(key);
      set(key, JSON.stringify(event));
      schedule(++added < flushAt ? flushInterval : 0);
    },
    flush,
    clear: () => keysOf(prefix).forEach(drop),
  };
};
