/** The analytics.js interface. */

import { sortAlias, sortPage, sortTrack, sortUser, type Sorted } from "./arguments";
import { trackDataAttributes, trackElements, trackNavigation, valueFor, type Elements } from "./autotrack";
import { describe, describePage, notePage, VISIT_KEY, type NotedPage } from "./context";
import { createPerson } from "./person";
import { createQueue } from "./queue";
import { createStorage } from "./storage";
import type { Analytics, EventType, Options } from "./types";
import { isFunction, pick, uuid, type Values } from "./values";

declare const VERSION: string;
type Call = [method: string, ...given: unknown[]];

/** What must be there before events that were called for earlier. */
const FIRST = /^(o[nf]|setA|addS|deb)/;
type Sorting = [sort: (given: Sorted, known: string | null) => Sorted, ...members: string[]];
const PAGE: Sorting = [sortPage, "category", "name", "properties"];
/** How a call's arguments are sorted, and the event's members they become. */
const CALLS: Record<EventType, Sorting> = {
  track: [sortTrack, "event", "properties"],
  page: PAGE,
  screen: PAGE,
  identify: [sortUser, "userId", "traits"],
  group: [sortUser, "groupId", "traits"],
  alias: [sortAlias, "userId", "previousId"],
};

/**
 * Returns the client; `early` are calls that were made before it was there, in order. Each gets a task of its own, so that
 * the page stays quick; those that come meanwhile are put behind them. `onReady` is called after the last, or at once.
 */
export const createAnalytics = (
  writeKey: string,
  host: string,
  options: Options,
  early: Call[] = [],
  onReady?: (analytics: Analytics) => void,
): Analytics => {
  const listeners: Record<string, ((...given: unknown[]) => void)[]> = {};
  const middlewares: ((given: Values) => unknown)[] = [];
  const { doNotTrack, globalPrivacyControl, userAgentData } = navigator as Navigator & Values;
  let held: (() => void)[] = [];
  let debugging: boolean | undefined;
  let consented: Values | undefined;
  let hints: Values | undefined = userAgentData?.toJSON();
  /** Undefined until the visitor has decided. */
  let granted: boolean | undefined =
    options.disable || (options.doNotTrack && ((doNotTrack as unknown) == 1 || globalPrivacyControl))
      ? false
      : (options.consent ?? true) || undefined;

  const storage = createStorage(() => !!granted && !options.disableClientPersistence, options.cookie);
  const user = createPerson(storage, "ajs_user_id", "ajs_user_traits", "ajs_anonymous_id");
  const group = createPerson(storage, "ajs_group_id", "ajs_group_properties");

  const emit = (name: string, ...given: unknown[]) => {
    listeners[name]?.forEach((listener) => listener(...given));
    return analytics;
  };
  const queue = createQueue(storage, host, writeKey, options, (status, events) => {
    emit("error", { code: "delivery_failure", reason: Error(status as never), events });
  });

  const renewCookies = () =>
    options.serverCookie &&
    fetch(`${host}/v1/cookie?writeKey=${writeKey}`, { method: "POST", credentials: "include" }).catch(() => {});

  /** Resolves with what a middleware leaves of an event, or nothing. */
  const pass = (middleware: (given: Values) => unknown, event: Values) =>
    new Promise<Values | undefined>((resolve) => {
      const payload: Values = { obj: event };
      for (const member in event) payload[member] = () => event[member];
      const next = (given?: Values | null) => resolve(given?.["obj"]);
      (async () => middleware({ payload, integrations: event["integrations"], next }))().then(
        () => next(),
        (error) => {
          console.error(error);
          next(payload);
        },
      );
    });

  /** Makes an event of a call and keeps it: at once, unless there are middlewares. */
  const call = async (type: EventType, given: unknown[], noted: NotedPage, timestamp: Date): Promise<Values> => {
    const [sort, ...names] = CALLS[type];
    const person = type == "group" ? group : user;
    const sorted = sort(given, person.id());
    const members: Values = {};
    names.forEach((name) => (members[name] = sorted.shift()));
    const [options_] = sorted;
    const { context, integrations, userId, anonymousId, timestamp: then = timestamp, messageId, ...more } = options_;
    const page = describePage(noted);
    const shown = { ...page };
    const { category, name, properties, traits } = members;
    if (anonymousId) user.anonymousId(anonymousId);
    if (traits) {
      person.identify(members[names[0]!], traits);
      members["traits"] = person.traits();
    }
    if (type == "alias") members["previousId"] ??= user.id() ?? user.anonymousId();
    if (type == "page") {
      for (const name in page) if (name in properties) shown[name] = properties[name];
      members["properties"] = { ...page, ...(category && { category }), ...properties, ...(name && { name }) };
    }
    let event: Values | undefined = {
      timestamp: then,
      type,
      messageId: messageId ?? `tw-${Date.now()}-${uuid()}`,
      integrations: { ...integrations },
      anonymousId: user.anonymousId(),
      userId: user.id() ?? userId,
      ...members,
      _metadata: { bundled: ["Segment.io"], unbundled: [], bundledIds: [] },
    };
    for (const name in options.integrations) event["integrations"][name] ??= !!options.integrations[name];
    event["context"] = describe(
      { ...consented, ...context, ...more, page: { ...shown, ...context?.page } },
      storage,
      hints,
      renewCookies,
    );
    for (const middleware of middlewares) event = event && (await pass(middleware, event));
    if (event) {
      if (debugging) console.log(event);
      queue.add(event);
      emit(type, ...names.map((name) => event![name]), options_);
    }
    return { event };
  };

  /** Takes a call now, or when the visitor has agreed. */
  const take = async (type: EventType, given: unknown[], noted: NotedPage): Promise<Values> => {
    const time = new Date();
    let context = {};
    if (granted) context = await call(type, given, noted, time);
    else if (granted == undefined) held.push(() => call(type, given, noted, time));
    (given.find(isFunction) as ((context: Values) => void) | undefined)?.(context);
    return context;
  };

  const track = (kind: string) => (elements: Elements, event: unknown, properties: unknown, more: unknown) => {
    trackElements(kind, elements, (element) =>
      analytics["track"](valueFor(element, event), valueFor(element, properties), more),
    );
    return analytics;
  };

  const analytics: Values = {
    initialized: true,
    VERSION,
    settings: { writeKey },
    user: () => user,
    setAnonymousId: user.anonymousId,
    reset() {
      user.reset();
      group.reset();
      emit("reset");
    },
    on(name: string, listener: () => void) {
      (listeners[name] ??= []).push(listener);
      return analytics;
    },
    once(name: string, listener: (...given: unknown[]) => void) {
      const once = (...given: unknown[]) => {
        analytics["off"](name, once);
        listener(...given);
      };
      return analytics["on"](name, once);
    },
    off(name: string, listener: () => void) {
      listeners[name] = listeners[name]?.filter((one) => one != listener)!;
      return analytics;
    },
    emit,
    ready: (callback?: () => unknown) => Promise.resolve().then(callback),
    async addSourceMiddleware(middleware: () => unknown) {
      middlewares.push(middleware);
      return analytics;
    },
    // What analytics-next has, and a client without destinations in the page has no use for.
    async addDestinationMiddleware() {},
    async addIntegrationMiddleware() {},
    async register() {},
    async initialize() {},
    async timeout() {},
    debug(on = true) {
      debugging = on;
      return analytics;
    },
    trackLink: track("click"),
    trackClick: track("click"),
    trackForm: track("submit"),
    trackSubmit: track("submit"),
    flush: queue.flush,
    consent(yes: boolean, categories?: Values) {
      if (categories) consented = { consent: { categoryPreferences: categories } };
      // Also to be able to forget what is kept on the device.
      granted = true;
      if (yes) held.forEach((one) => one());
      else {
        queue.clear();
        analytics["reset"]();
        storage.remove(VISIT_KEY);
      }
      granted = yes;
      held = [];
    },
    pageview: (path: string) => analytics["page"]({ path }),
    push([method, ...given]: Call) {
      analytics[method]?.(...given);
    },
  };
  for (const type in CALLS)
    analytics[type] = (...given: unknown[]) => {
      const noted = (given.at(-1) as NotedPage)?.__t ? (given.pop() as NotedPage) : notePage();
      return type == "group" && !given.length ? group : take(type as EventType, given, noted);
    };

  if (options.highEntropyValuesClientHints)
    userAgentData?.getHighEntropyValues(options.highEntropyValuesClientHints).then((found: Values) => (hints = found));
  early.push(...early.splice(0).filter((one) => !FIRST.test(one[0]) || analytics["push"](one)));
  readQuery(analytics, options.useQueryString ?? true);
  if (options.initialPageview) analytics["page"]();
  if (options.spa) trackNavigation(analytics["page"]);
  if (options.dataTrack) trackDataAttributes(analytics["track"]);

  emit("initialize");

  const play = (all: unknown) => {
    if (early[0]) setTimeout(play);
    else if (!all) onReady?.(analytics as Analytics);
    // Timers of hidden pages are slow.
    early.splice(0, all || document.hidden ? Infinity : 1).forEach(analytics["push"]);
  };
  if (early[0]) setTimeout(play);
  else play(0);
  // Before the queue hands over what it has.
  addEventListener("pagehide", play, true);
  return analytics as Analytics;
};

/** Makes the calls that the address asks for, such as that of a link in an e-mail. */
const readQuery = (analytics: Values, wanted: boolean | { aid?: RegExp; uid?: RegExp }) => {
  const query = new URLSearchParams(location.search || location.hash.split("?")[1]);
  const { aid = /./, uid = /./ } = wanted as { aid?: RegExp; uid?: RegExp };
  const { aid: anonymousId = "", uid: userId = "", event } = (wanted ? pick(query, /^ajs_(.+)/) : {}) as Values;
  if (aid.test(anonymousId)) analytics["setAnonymousId"](anonymousId);
  if (uid.test(userId)) analytics["identify"](userId, pick(query, /^ajs_trait_(.+)/));
  if (event) analytics["track"](event, pick(query, /^ajs_prop_(.+)/));
};
