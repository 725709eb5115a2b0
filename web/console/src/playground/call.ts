/** A call as somebody makes it up: what it is made of, and how it is kept in an address. */

export const CALL_TYPES = ["track", "identify", "page", "screen", "group", "alias"] as const;
export type CallType = (typeof CALL_TYPES)[number];
export type Call = Record<string, unknown>;
export type Client = "web" | "server" | "bare";

/** All that the playground's address says. */
export interface Draft {
  type: CallType;
  call: Call;
  source: string;
  client: Client;
}

/** The member that a type's own data are in. */
export const MEMBER: Record<CallType, "properties" | "traits" | null> = {
  track: "properties", identify: "traits", page: "properties", screen: "properties", group: "traits", alias: null,
};

/** The texts that a type has beside its ids. */
export const TEXTS: Record<CallType, readonly string[]> = {
  track: ["event"], identify: [], page: ["name", "category"], screen: ["name"], group: ["groupId"], alias: ["previousId"],
};

export const EXAMPLES: Record<CallType, Call> = {
  track: { event: "User Registered", userId: "user-1", properties: { plan: "Pro Annual", accountType: "Facebook" } },
  identify: { userId: "user-1", traits: { name: "Ada Byron", email: "ada@example.com", plan: "Pro Annual" } },
  page: { userId: "user-1", name: "Pricing", properties: { url: "https://shop.example/pricing", title: "Pricing" } },
  screen: { userId: "user-1", name: "Basket", properties: { items: 3 } },
  group: { userId: "user-1", groupId: "acme", traits: { name: "Acme", employees: 120 } },
  alias: { userId: "user-1", previousId: "4f6a1f0c-9d0e-4b57-b2a7-6f2d7e7c2f10" },
};

export const FIRST: Draft = { type: "track", call: EXAMPLES.track, source: "", client: "web" };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function typeOf(value: unknown): CallType | null {
  return (CALL_TYPES as readonly unknown[]).includes(value) ? (value as CallType) : null;
}

/** Write a draft so that it can stand in an address. */
export function encodeDraft(draft: Draft): string {
  const bytes = new TextEncoder().encode(JSON.stringify([draft.type, draft.call, draft.source, draft.client]));
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Read what `encodeDraft` wrote; null for anything else: an address is a stranger's text. */
export function decodeDraft(text: string): Draft | null {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const [type, call, source, client] = JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))) as unknown[];
    const known = typeOf(type);
    if (!known || !isObject(call)) return null;
    return { type: known, call, source: typeof source === "string" ? source : "", client: client === "server" || client === "bare" ? client : "web" };
  } catch {
    return null;
  }
}

/** Return the call of another type, with what both have. */
export function retyped(call: Call, from: CallType, to: CallType): Call {
  const kept: Call = {};
  for (const key of ["userId", "anonymousId", "context", "integrations", "timestamp", "messageId"]) if (key in call) kept[key] = call[key];
  const member = MEMBER[to];
  const own = MEMBER[from];
  const sameTexts = TEXTS[to].every((text) => TEXTS[from].includes(text));
  const base = { ...EXAMPLES[to], ...kept };
  if (sameTexts) for (const text of TEXTS[to]) if (text in call) base[text] = call[text];
  if (member && own === member && sameTexts && call[member] !== undefined) base[member] = call[member];
  return base;
}
