/** What a client adds to a call before it sends it: the common fields, as Segment's own clients fill them in. */
import { isObject, type Call, type CallType, type Client } from "./call";

export interface Sender {
  value: Client;
  label: string;
  /** Whether the collector takes address and user agent for the person's own. */
  clientSide: boolean;
}

export const SENDERS: readonly Sender[] = [
  { value: "web", label: "a browser", clientSide: true },
  { value: "server", label: "a server", clientSide: false },
  { value: "bare", label: "nobody's client: as it is", clientSide: false },
];

/** Ids and times that stay the same while one types. */
export interface Moment {
  id: string;
  at: Date;
}

export function newMoment(): Moment {
  return { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(16).slice(2)}`, at: new Date() };
}

/** Return the call with the fields that its client adds; what the call has itself stays. */
export function withCommonFields(type: CallType, call: Call, client: Client, moment: Moment): Call {
  if (client === "bare") return { type, ...call };
  const time = moment.at.toISOString();
  const context = { ...(client === "web" ? webContext() : serverContext()), ...(isObject(call["context"]) ? call["context"] : {}) };
  const added: Call = {
    type,
    messageId: `${client === "web" ? "ajs-next" : "node-next"}-${moment.at.getTime()}-${moment.id}`,
    timestamp: time,
    integrations: {},
  };
  if (client === "web" && call["anonymousId"] === undefined) added["anonymousId"] = moment.id;
  return { ...added, ...call, context, sentAt: time };
}

function webContext(): Record<string, unknown> {
  return {
    page: { path: "/pricing", referrer: "https://search.example/", search: "?utm_source=newsletter", title: "Pricing", url: "https://shop.example/pricing?utm_source=newsletter" },
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    campaign: { source: "newsletter" },
    library: { name: "analytics.js", version: "npm:next-1.84.3" },
  };
}

function serverContext(): Record<string, unknown> {
  return { library: { name: "@segment/analytics-node", version: "3.1.0" } };
}
