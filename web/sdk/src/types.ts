/** The public types of `@trackway/browser`; the names are those of analytics.js. */

type Open = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

export type Properties = Open;
export type Traits = Open;
export type EventType = "track" | "page" | "screen" | "identify" | "group" | "alias";

/** An event as it goes to the collector. */
export interface TrackwayEvent extends Open {
  type: EventType;
  messageId: string;
  timestamp: Date | string;
  anonymousId?: string;
  userId?: string | null;
  context: Open;
  integrations: Open;
}

/** What a single call may say besides; other members become members of the event's `context`. */
export interface EventOptions extends Open {
  anonymousId?: string;
  userId?: string;
  messageId?: string;
  timestamp?: Date | string;
  integrations?: Record<string, boolean | Open>;
  context?: Open;
}

/** What a call's promise and callback get. */
export interface Context {
  /** The event as it was kept; nothing when it is held for consent, or was left out. */
  event?: TrackwayEvent;
}

export type Callback = (context: Context) => unknown;

/** The event as middleware sees it: `obj` itself, and a function for each member, such as `payload.type()`. */
export interface Payload {
  obj: TrackwayEvent;
  [member: string]: any; // eslint-disable-line @typescript-eslint/no-explicit-any
}

/** Sees every event before it is kept, and hands it on, changed or not; without `next` the event is left out. */
export type SourceMiddleware = (given: {
  payload: Payload;
  integrations: Open;
  next: (payload: Payload | null) => void;
}) => unknown;

export interface CookieOptions {
  /** Days that a cookie lasts; default 365. */
  maxage?: number;
  /** Default: the widest that the page may set. */
  domain?: string;
  path?: string;
  secure?: boolean;
  sameSite?: string;
}

export interface Options {
  /** Where the collector is, with scheme and any prefix; default: where the script came from. */
  host?: string;
  /** Call `page()` at once. */
  initialPageview?: boolean;
  /** Call `page()` whenever a single-page application changes the address. */
  spa?: boolean;
  /** Track clicks on, and submits of, elements with a `data-track` attribute. */
  dataTrack?: boolean;
  /** False: hold all calls, and keep nothing on the device, until `consent()` is called. */
  consent?: boolean;
  /** Do nothing for visitors whose browser sends Do Not Track or Global Privacy Control. */
  doNotTrack?: boolean;
  /** Do nothing at all. */
  disable?: boolean;
  /** Keep ids, traits and events in memory only. */
  disableClientPersistence?: boolean;
  /** Have the collector renew the id cookies, where scripts may set short-lived ones only (Safari). */
  serverCookie?: boolean;
  /** Events that are sent without waiting for more; default 20. */
  flushAt?: number;
  /** Milliseconds that an event waits for others; default 300. */
  flushInterval?: number;
  cookie?: CookieOptions;
  /** Switches destinations on and off for every event. */
  integrations?: Record<string, boolean | Open>;
  /** Read `ajs_uid`, `ajs_aid`, `ajs_event` from the address; patterns say which ids are taken. */
  useQueryString?: boolean | { aid?: RegExp; uid?: RegExp };
  /** Ask the browser for further client hints, such as `model`. */
  highEntropyValuesClientHints?: string[];
}

export interface User {
  id(id?: string | null): string | null;
  anonymousId(id?: string | null): string | null | undefined;
  traits(traits?: Traits | null): Traits;
  identify(id?: string | null, traits?: Traits): void;
  reset(): void;
}

export type Group = User;

export interface Analytics {
  initialized: true;
  VERSION: string;
  settings: { writeKey: string };

  track(event: string, properties?: Properties | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  track(event: string, callback: Callback): Promise<Context>;
  track(event: string, properties: Properties | null, callback: Callback): Promise<Context>;
  track(event: { event: string; properties?: Properties }, options?: EventOptions, callback?: Callback): Promise<Context>;

  page(name?: string, properties?: Properties | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  page(category: string | null, name: string | null, properties?: Properties | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  page(properties: Properties, options?: EventOptions | Callback, callback?: Callback): Promise<Context>;
  page(callback: Callback): Promise<Context>;
  screen: Analytics["page"];

  identify(id: string | number | null | undefined, traits?: Traits | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  identify(id: string | number | null | undefined, callback: Callback): Promise<Context>;
  identify(traits: Traits, options?: EventOptions | Callback | null, callback?: Callback): Promise<Context>;
  identify(): Promise<Context>;

  group(): Group;
  group(id: string | number | null | undefined, traits?: Traits | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  group(traits: Traits, options?: EventOptions | Callback | null, callback?: Callback): Promise<Context>;

  alias(userId: string | number, previousId?: string | number | null, options?: EventOptions | null, callback?: Callback): Promise<Context>;
  alias(userId: string | number, options?: EventOptions | Callback, callback?: Callback): Promise<Context>;

  user(): User;
  setAnonymousId(id?: string | null): string | null | undefined;
  reset(): void;

  trackLink(
    links: Element | ArrayLike<Element> | { toArray(): Element[] } | null,
    event: string | ((element: Element) => string),
    properties?: Properties | ((element: Element) => Properties),
    options?: EventOptions,
  ): Analytics;
  trackClick: Analytics["trackLink"];
  trackForm: Analytics["trackLink"];
  trackSubmit: Analytics["trackLink"];

  ready(callback?: () => unknown): Promise<unknown>;
  on(event: string, callback: (...given: any[]) => void): Analytics; // eslint-disable-line @typescript-eslint/no-explicit-any
  once: Analytics["on"];
  off: Analytics["on"];
  emit(event: string, ...given: unknown[]): Analytics;
  addSourceMiddleware(middleware: SourceMiddleware): Promise<Analytics>;
  debug(on?: boolean): Analytics;

  /** @deprecated Calls `page({ path })`. */
  pageview(path: string): Promise<Context>;
  /** Without effect, as destinations run on the server: for sites that had analytics-next. */
  register(...plugins: unknown[]): Promise<void>;
  /** Without effect, as destinations run on the server. */
  addDestinationMiddleware(integration: string, ...middlewares: unknown[]): Promise<void>;
  /** @deprecated Without effect, as in analytics-next. */
  addIntegrationMiddleware(...given: unknown[]): Promise<void>;
  /** @deprecated Without effect: links and forms are not held up. */
  timeout(ms: number): Promise<void>;
  /** @deprecated Without effect: it is there already. */
  initialize(...given: unknown[]): Promise<void>;

  /** Grants or refuses: granted, what was held is sent; refused, it is forgotten, and all ids with it. */
  consent(granted: boolean, categories?: Record<string, boolean>): void;
  /** Sends what waits without waiting for more. */
  flush(): Promise<void>;
}
