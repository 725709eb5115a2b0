// Segment's Node client, told by JSON on standard input what to do: {"scenario", "host", "writeKey", "user", "going"}.
// Writes {"errors": […], "requests": […]} when everything was sent, and the scenario's own report.

import { readFileSync } from "node:fs";
import { Analytics } from "@segment/analytics-node";

const { scenario, host, writeKey, user, going } = JSON.parse(readFileSync(0, "utf8"));
const PAST = new Date("2026-03-02T09:30:15.123Z");

const common = {
  userId: user,
  anonymousId: `anon-${user}`,
  timestamp: PAST,
  context: { ip: "203.0.113.9", locale: "de-CH", groupId: "acme", page: { url: "https://example.com/a?b=ü" }, active: false },
  integrations: { All: false, Mixpanel: true, Amplitude: { session_id: 1712345678901 } },
};

const scenarios = {
  everything(analytics) {
    analytics.identify({
      ...common, messageId: `${user}-identify`,
      traits: { email: "jo@example.com", createdAt: PAST, age: 41, address: { postalCode: "8001", city: "Zürich" }, phone: null },
    });
    analytics.track({
      ...common, messageId: `${user}-track`, event: "Order Completed",
      properties: {
        order_id: "o-1", revenue: 39.95, quantity: 2, gift: false, coupon: null, big: 9007199254740993n.toString(),
        products: [{ product_id: "sku-1", price: 19.95 }, { product_id: "sku-2", tags: ["a", "b"] }], shippedAt: PAST,
      },
    });
    analytics.page({ ...common, messageId: `${user}-page`, category: "Docs", name: "Home", properties: { title: "Hëllo" } });
    analytics.screen({ ...common, messageId: `${user}-screen`, category: "Shop", name: "Cart", properties: { items: 3 } });
    analytics.group({ ...common, messageId: `${user}-group`, groupId: "acme", traits: { name: "ACME", employees: 329 } });
    const { anonymousId, ...shared } = common;
    analytics.alias({ ...shared, messageId: `${user}-alias`, previousId: anonymousId });
  },

  least(analytics) {
    analytics.identify({ userId: user });
    analytics.track({ anonymousId: user, event: "Pinged" });
    analytics.page({ userId: user });
    analytics.screen({ userId: user });
    analytics.group({ userId: user, groupId: "g-1" });
    analytics.alias({ userId: user, previousId: "old" });
  },

  many(analytics) {
    for (let number = 0; number < 40; number++) {
      analytics.track({ userId: user, event: "Counted", properties: { run: user, number } });
    }
  },

  /** Forty a second, for as long as `going` says yes. */
  async steady(analytics) {
    let number = 0;
    while (await fetch(going).then((answer) => answer.text()) === "yes") {
      for (let n = 0; n < 4; n++) {
        analytics.track({ userId: user, event: "Survived", properties: { number: number++ } });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { sent: number };
  },
};

const analytics = new Analytics({ host, writeKey });
const errors = [];
const requests = [];
analytics.on("error", (error) => errors.push(`${error.code}: ${error.reason}`));
analytics.on("http_request", ({ url, headers }) => requests.push({ url, headers }));
const report = await scenarios[scenario](analytics);
await analytics.closeAndFlush({ timeout: scenario === "steady" ? 60_000 : 20_000 });
process.stdout.write(JSON.stringify({ errors, requests, ...report }));
