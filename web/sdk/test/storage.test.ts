import { beforeEach, expect, it } from "vitest";
import { createPerson } from "../src/person";
import { createStorage } from "../src/storage";

// What of a browser matters here, and no more.
let jar: Map<string, string>;
let baked: string[];
let box: Map<string, string>;

beforeEach(() => {
  jar = new Map();
  baked = [];
  box = new Map();
  const kept = {
    getItem: (key: string) => box.get(key) ?? null,
    setItem: (key: string, text: string) => void box.set(key, text),
    removeItem: (key: string) => void box.delete(key),
  };
  const page = {
    get cookie() {
      return [...jar].map(([key, text]) => `${key}=${text}`).join("; ");
    },
    set cookie(text: string) {
      baked.push(text);
      const [, key, value] = /^([^=]*)=([^;]*)/.exec(text)!;
      if (/domain=example(;|$)/.test(text)) return; // a public suffix
      if (text.includes("max-age=0")) jar.delete(key!);
      else jar.set(key!, value!);
    },
  };
  Object.assign(globalThis, {
    document: page,
    location: { hostname: "www.shop.example" },
    localStorage: new Proxy(kept, { ownKeys: () => [...box.keys()], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) }),
  });
});

const person = (mayKeep = true) =>
  createPerson(createStorage(() => mayKeep), "ajs_user_id", "ajs_user_traits", "ajs_anonymous_id");

it("writes ids raw into cookies and quoted into localStorage", () => {
  const user = person();
  user.identify("ada@example.com", { plan: "pro" });
  const anonymous = user.anonymousId()!;
  expect(anonymous).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Object.fromEntries(jar)).toEqual({ ajs_user_id: "ada@example.com", ajs_anonymous_id: anonymous });
  expect(Object.fromEntries(box)).toEqual({
    ajs_user_id: '"ada@example.com"',
    ajs_anonymous_id: `"${anonymous}"`,
    ajs_user_traits: '{"plan":"pro"}',
  });
  expect(baked.at(-1)).toContain(";max-age=31536000;path=/;SameSite=Lax;domain=shop.example");
});

it.each([["u 1;x", "u%201%3Bx"], ["ü", "%C3%BC"], ["a=b&c/d:e@f", "a=b&c/d:e@f"], ["50%", "50%25"]])(
  "quotes %j in a cookie as js-cookie does",
  (id, quoted) => {
    person().id(id);
    expect(jar.get("ajs_user_id")).toBe(quoted);
    box.clear();
    expect(person().id()).toBe(id);
  },
);

it("knows visitors of analytics-next, and of its ancestors", () => {
  box.set("ajs_user_id", '"u1"');
  box.set("ajs_anonymous_id", "null");
  box.set("ajs_user_traits", '{"plan":"pro"}');
  jar.set("ajs_anonymous_id", "a1");
  expect([person().id(), person().anonymousId(), person().traits()]).toEqual(["u1", "a1", { plan: "pro" }]);
  expect([jar.get("ajs_user_id"), box.get("ajs_anonymous_id")]).toEqual(["u1", '"a1"']);

  jar.clear();
  box.clear();
  jar.set("_sio", "a2----u2");
  expect(person().anonymousId()).toBe("a2");
  jar.clear();
  box.clear();
  box.set("ajs_user_id", "42"); // a number, as the first generation kept it
  expect(person().id()).toBe("42");
});

it("believes the cookie about the anonymous id and localStorage about the user id", () => {
  box.set("ajs_anonymous_id", '"old"');
  jar.set("ajs_anonymous_id", "across-subdomains");
  box.set("ajs_user_id", '"mine"');
  jar.set("ajs_user_id", "theirs");
  expect([person().anonymousId(), person().id()]).toEqual(["across-subdomains", "mine"]);
  jar.set("ajs_anonymous_id", ""); // blank is absent
  expect(person().anonymousId()).toBe("across-subdomains");
});

it("leaves a right cookie alone, so that the collector's longer life stays", () => {
  person().anonymousId();
  const written = baked.length;
  person().anonymousId();
  person().identify("u1");
  person().id();
  expect(baked.slice(written).filter((text) => text.startsWith("ajs_anonymous_id"))).toEqual([]);
});

it("starts a new person for a new id, and forgets all on reset", () => {
  const user = person();
  const before = user.anonymousId();
  user.identify("u1", { plan: "pro" });
  expect(user.anonymousId()).toBe(before);
  user.identify("u1", { seats: 3 });
  expect(user.traits()).toEqual({ plan: "pro", seats: 3 });
  user.identify("u2", { plan: "free" });
  expect(user.traits()).toEqual({ plan: "free" });
  expect(user.anonymousId()).not.toBe(before);
  user.reset();
  expect([jar.size, box.size, user.id(), user.traits()]).toEqual([0, 0, null, {}]);
});

it("keeps nothing on the device unless it may", () => {
  const user = person(false);
  user.identify("u1", { plan: "pro" });
  expect([user.id(), user.anonymousId(), jar.size, box.size, baked]).toEqual(["u1", user.anonymousId(), 0, 0, []]);
});

it("goes on in memory when localStorage is full or forbidden", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => { throw new Error("SecurityError"); } });
  const user = person();
  user.identify("u1", { plan: "pro" });
  expect([user.id(), user.traits()]).toEqual(["u1", { plan: "pro" }]);
  Object.defineProperty(globalThis, "localStorage", { configurable: true, writable: true, value: undefined });
});

it.each([["127.0.0.1"], ["localhost"]])("sets no domain on %s", (hostname) => {
  Object.assign(globalThis, { location: { hostname } });
  person().id("u1");
  expect(baked.join()).not.toContain("domain");
});
