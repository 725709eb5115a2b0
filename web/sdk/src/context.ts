/** What an event's `context` says of page, campaign, device and visit. */

import type { Storage } from "./storage";
import { pick, type Values } from "./values";

declare const VERSION: string;

/** A page as Segment's snippet notes it beside a call that is made before the script is there. */
export interface NotedPage {
  __t: unknown;
  c?: string | null | undefined;
  p: string;
  u: string;
  s: string;
  t: string;
  r: string;
}

export const VISIT_KEY = "tw_visit";
const VISIT_ENDS_AFTER_MS = 18e5;
const CLICK_ID = /^(\w*cl(k|ick)?id|[gw]braid|li_fat_id|rdt_cid|ScCid|epik)$/;

export const notePage = (referrer = document.referrer): NotedPage => ({
  __t: 1,
  c: document.querySelector("link[rel=canonical]")?.getAttribute("href"),
  p: location.pathname,
  u: location.href,
  s: location.search,
  t: document.title,
  r: referrer,
});

/** Returns `context.page`; the canonical address wins over the real one. */
export const describePage = ({ c, p, u, s, t, r }: NotedPage): Values => {
  if (c) {
    try {
      p = new URL(c).pathname;
    } catch {
      p = c[0] == "/" ? c : "/" + c;
    }
    u = c.includes("?") ? c : c + s;
  } else u = u.split("#")[0]!;
  return { path: p, referrer: r, search: s, title: t, url: u };
};

/**
 * Fills in what the caller has not said. A visit ends after half an hour without a call; the click ids of its landing page
 * stay with it. Calls `onVisit` when one begins.
 */
export const describe = (context: Values, storage: Storage, hints: Values | undefined, onVisit: () => void): Values => {
  const { search } = context["page"];
  const query = new URLSearchParams(search);
  const { campaign, ...utm } = pick(query, /^utm_(.+)/);
  const now = Date.now();
  let [began, last, clicks] = (storage.read(VISIT_KEY) as [number, number, Values]) ?? [0, 0];
  if (now - last > VISIT_ENDS_AFTER_MS) {
    began = now;
    clicks = {};
    onVisit();
  }
  Object.assign(clicks, pick(query, CLICK_ID));
  storage.write(VISIT_KEY, [began, now, clicks]);
  return {
    userAgent: navigator.userAgent,
    userAgentData: hints,
    locale: navigator.language,
    // The first use of Intl takes a page tens of milliseconds.
    timezone: (window as Values)["Temporal"]?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    library: { name: "@trackway/browser", version: VERSION },
    campaign: search ? { name: campaign, ...utm } : undefined,
    clickIds: Object.keys(clicks)[0] && clicks,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    viewport: { width: innerWidth, height: innerHeight },
    sessionId: began,
    ...context,
  };
};
