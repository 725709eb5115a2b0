/** Cookies and localStorage, with analytics-next's names and quoting, so that both know the same visitors. */

import type { CookieOptions } from "./types";

export interface Storage {
  /** Raw text under `key`. */
  get(key: string): string | null | undefined;
  /** Keeps text in localStorage, or in memory where that is not possible. */
  set(key: string, text: string | number): void;
  remove(key: string): void;
  /** All keys that begin with `prefix`. */
  keys(prefix: string): string[];
  /** The text of a cookie. */
  cookie(key: string): string | undefined;
  /** Keeps a value as JSON; an id in a cookie, too. `null` removes. */
  write(key: string, value: unknown, isId?: boolean): void;
  /** The value under `key`; of an id, localStorage and cookie are made the same. */
  read(key: string, isId?: boolean, cookieWins?: boolean): any; // eslint-disable-line @typescript-eslint/no-explicit-any
}

/** `mayKeep` says whether anything may be left on the visitor's device just now. */
export const createStorage = (mayKeep: () => boolean, options: CookieOptions = {}): Storage => {
  const { maxage = 365, path = "/", sameSite = "Lax", secure } = options;
  const memory: Record<string, string> = {};
  let { domain } = options;

  /** localStorage, where the browser has one for us. */
  const device = () => {
    try {
      if (mayKeep()) return localStorage;
    } catch {
      // A frame without an origin of its own, or cookies are blocked.
    }
    return undefined;
  };

  const bake = (key: string, text: string, days: number) => {
    document.cookie =
      key +
      "=" +
      encodeURIComponent(text).replace(/%(2[346BF]|3[AC-F]|40|5[BDE]|60|7[BCD])/g, decodeURIComponent) +
      `;max-age=${days * 86400};path=${path};SameSite=` +
      sameSite +
      (domain ? ";domain=" + domain : "") +
      (secure ? ";secure" : "");
  };

  /** Finds the widest domain that a cookie may be set for; none for addresses and `localhost`. */
  const widen = () => {
    const parts = location.hostname.split(".");
    for (let from = isNaN(+parts.at(-1)!) ? parts.length - 1 : 0; from; ) {
      domain = parts.slice(--from).join(".");
      bake("__tld__", "1", 1);
      if (cookie("__tld__")) return bake("__tld__", "", 0);
    }
    domain = "";
  };

  const cookie = (key: string): string | undefined => {
    try {
      return decodeURIComponent(document.cookie.match(`(^|; )${key}=([^;]*)`)![2]!);
    } catch {
      return undefined;
    }
  };

  const get = (key: string): string | null | undefined => device()?.getItem(key) ?? memory[key];

  const set = (key: string, text: string | number) => {
    try {
      device()!.setItem(key, text as string);
      delete memory[key];
    } catch {
      memory[key] = text as string;
    }
  };

  const remove = (key: string) => {
    delete memory[key];
    device()?.removeItem(key);
  };

  const write = (key: string, value: unknown, isId?: boolean) => {
    if (value == null) remove(key);
    else set(key, JSON.stringify(value));
    // A cookie that is right is left alone: the collector may have given it a longer life than scripts may.
    if (isId && mayKeep() && cookie(key) != value) {
      try {
        domain ?? widen();
        bake(key, (value ?? "") as string, +!!value && maxage);
      } catch {
        // A sandboxed frame has no cookies.
      }
    }
  };

  const read = (key: string, isId?: boolean, cookieWins?: boolean) => {
    const kept = parse(get(key));
    const baked = isId && mayKeep() && parse(cookie(key));
    const value = (cookieWins ? baked || kept : kept || baked) || null;
    // Writing takes far longer than reading.
    if (isId && value && (kept != baked)) write(key, value, isId);
    return value;
  };

  return {
    get,
    set,
    remove,
    keys: (prefix) =>
      Object.keys(device() ?? {})
        .concat(Object.keys(memory))
        .filter((key) => key.startsWith(prefix)),
    cookie,
    write,
    read,
  };
};

/** Reads what was kept as JSON, or as plain text in cookies and by old versions; a number was meant as text. */
export const parse = (text: string | null | undefined) => {
  try {
    const value = JSON.parse(text!);
    return typeof value == "number" ? text : value;
  } catch {
    return text;
  }
};
