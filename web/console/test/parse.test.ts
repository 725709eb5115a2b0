import { describe, expect, it } from "vitest";
import { decodeDraft, encodeDraft, EXAMPLES, CALL_TYPES, type Draft } from "../src/playground/call";
import { CodeError, parseCode } from "../src/playground/parse";
import { webCall } from "../src/playground/snippets";

describe("a call as code", () => {
  it.each([
    ['analytics.track("User Registered", {plan: "Pro Annual"})', { type: "track", call: { event: "User Registered", properties: { plan: "Pro Annual" } } }],
    ["window.analytics.track('It\\'s', {'a-b': [1, -2.5, .5, 0x1f, true, null,], })", { type: "track", call: { event: "It's", properties: { "a-b": [1, -2.5, 0.5, 31, true, null] } } }],
    ["await analytics.identify('u1', { email: `a@b.example`, age: undefined });", { type: "identify", call: { userId: "u1", traits: { email: "a@b.example" } } }],
    ["analytics.identify({ plan: 'pro' })", { type: "identify", call: { traits: { plan: "pro" } } }],
    ["analytics.page('Docs', 'Home', { path: '/' })", { type: "page", call: { category: "Docs", name: "Home", properties: { path: "/" } } }],
    ["analytics.page()", { type: "page", call: {} }],
    ["analytics.screen('Home')", { type: "screen", call: { name: "Home" } }],
    ["analytics.group('acme', { name: 'Acme' })", { type: "group", call: { groupId: "acme", traits: { name: "Acme" } } }],
    ["analytics.alias('new', 'old')", { type: "alias", call: { userId: "new", previousId: "old" } }],
    ["analytics.track({ userId: 'u', event: 'X', properties: { n: 1 } })", { type: "track", call: { userId: "u", event: "X", properties: { n: 1 } } }],
    ["analytics.track('X', {}, { integrations: { All: false }, ip: '0.0.0.0', context: { app: 1 } }) // end", { type: "track", call: { event: "X", properties: {}, integrations: { All: false }, context: { app: 1, ip: "0.0.0.0" } } }],
    ["/* first */ analytics.track('X', { at: new Date('2026-11-20T10:00:00Z') })", { type: "track", call: { event: "X", properties: { at: "2026-11-20T10:00:00.000Z" } } }],
  ])("%s", (code, wanted) => { expect(parseCode(code)).toEqual(wanted); });

  it.each([
    ["", "write a call"],
    ["analytics.tack('X')", "tack is none of track"],
    ["analytics.track('X', { total })", "total is a variable"],
    ["analytics.track('X', { total: cart.total })", "cart cannot be known"],
    ["analytics.track('X', { ...rest })", "..."],
    ["analytics.track(`Order ${n}`)", "cannot be computed"],
    ["analytics.track('X", "no end"],
    ["analytics.track('X') ; alert(1)", "one call at a time"],
    ["analytics.track('X', { a: fetch('/') })", "fetch cannot be known"],
    [`analytics.track('X', ${"[".repeat(200)}`, "nested too deep"],
  ])("refuses %s", (code, advice) => {
    const run = () => parseCode(code);
    expect(run).toThrow(CodeError);
    expect(run).toThrow(advice);
  });

  it("never takes a name of JavaScript's own for a value", () => {
    expect(() => parseCode("analytics.track('X', { a: constructor })")).toThrow(CodeError);
    const { call } = parseCode("analytics.track('X', { __proto__: { polluted: true } })");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(call["properties"] as object)).toEqual(["__proto__"]);
  });

  it("is read back as it was written", () => {
    for (const type of CALL_TYPES) expect(parseCode(webCall(type, EXAMPLES[type]))).toEqual({ type, call: EXAMPLES[type] });
    const odd = { event: 'a"b\\c\u2028d', userId: "u", anonymousId: "a", properties: { "x y": "é😀", nested: { list: [{}] } }, context: { ip: "1" }, integrations: { All: false } };
    expect(parseCode(webCall("track", odd))).toEqual({ type: "track", call: odd });
  });
});

describe("a draft in an address", () => {
  it("comes back whole", () => {
    const draft: Draft = { type: "track", call: { event: "Zürich 😀 +/=", properties: { a: [1, null] } }, source: "web", client: "server" };
    const text = encodeDraft(draft);
    expect(text).toMatch(/^[\w-]+$/);
    expect(decodeDraft(text)).toEqual(draft);
  });

  it.each(["", "x", "e30", btoa("[1,2,3,4]"), btoa('["track",[],"",""]'), "%%%"])("is nothing when it is %s", (text) => { expect(decodeDraft(text)).toBeNull(); });
});
