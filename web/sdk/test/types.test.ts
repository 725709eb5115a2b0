/** The published types take every form of every call; `npm run check` is what can fail here. */

import { expectTypeOf, it } from "vitest";
import type { Analytics, Context } from "../src/index";

it("takes every form of every call", () => {
  const calls = (analytics: Analytics) => {
    const done = ({ event }: Context) => event?.messageId;
    void analytics.track("E", { a: 1 }, { integrations: { All: false }, timestamp: new Date() }, done);
    void analytics.track("E", done);
    void analytics.track("E", null, done);
    void analytics.track({ event: "E", properties: { a: 1 } }, { userId: "u" }, done);
    void analytics.page();
    void analytics.page("Name", { a: 1 });
    void analytics.page("Category", "Name", { a: 1 }, {}, done);
    void analytics.page({ a: 1 }, done);
    void analytics.screen("Name");
    void analytics.identify("u", { email: "e" }, {}, done);
    void analytics.identify(7);
    void analytics.identify({ email: "e" }, done);
    void analytics.group("g", { seats: 3 });
    void analytics.alias("new", "old");
    analytics.on("track", () => {}).once("page", () => {}).off("track", () => {});
    analytics.trackLink(document.links, (link) => link.id, { a: 1 });
    void analytics.addSourceMiddleware(({ payload, next }) => next(payload));
    analytics.consent(true, { Analytics: true });
    void analytics.register({ name: "plugin" }).then(() => analytics.pageview("/path"));
    // @ts-expect-error: an event has a name
    void analytics.track();
    // @ts-expect-error: properties are an object
    void analytics.track("E", 7);
  };
  expectTypeOf(calls).returns.toEqualTypeOf<void>();
  expectTypeOf<ReturnType<Analytics["track"]>>().toEqualTypeOf<Promise<Context>>();
  expectTypeOf<Analytics["user"]>().returns.toHaveProperty("anonymousId");
});
