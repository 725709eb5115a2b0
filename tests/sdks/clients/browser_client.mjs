// Uses the test's page in Chromium: `browser_client.mjs EXECUTABLE FLAG…`. Each line of JSON on standard input,
// {"scenario", "url", "user"}, is one visit by somebody new, answered by a line with what page and browser reported.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, ...args] = process.argv.slice(2);
const UTM = "utm_source=news&utm_medium=email&utm_campaign=spring&utm_term=lamp&utm_content=hero&utm_id=7";

/** The calls of the page's visitor; each promise is done when the client has the answer. */
async function visit(user) {
  const { analytics } = window;
  const past = new Date("2026-03-02T09:30:15.123Z");
  await analytics.alias(user);
  await analytics.identify(user, {
    email: "kim@example.com", createdAt: past, address: { postalCode: "8001", city: "Zürich" }, phone: null, vip: true,
  });
  await analytics.identify({ plan: "pro", age: 41 });
  await analytics.track("Product Viewed", {
    product_id: "sku-1", price: 19.95, tags: ["a", "b"], nested: { deepKey: { x1Y: "✓" } }, none: null, at: past.toISOString(),
  }, {
    timestamp: past, integrations: { All: true, Mixpanel: false },
    context: { groupId: "acme", traits: { email: "kim@example.com" } }, location: { city: "Bern" },
  });
  await analytics.group("acme", { name: "ACME", employees: 329 });
  await analytics.page("Docs", "Reading & Writing", { keywords: ["lamp", "light"], title: "My own title" });
  await analytics.screen("Shop", "Cart", { items: 3 });
}

const identity = () => window.analytics.then(([analytics]) => ({
  anonymousId: analytics.user().anonymousId(), userId: analytics.user().id() ?? null,
}));

/** Waits until the page has had the answers to `count` requests that carried events. */
const answered = (page, count) => page.waitForFunction((count) => performance.getEntriesByType("resource")
  .filter((entry) => /\/v1\/[a-z]$/.test(entry.name) && entry.responseEnd > 0).length === count, count);

const scenarios = {
  async visit(page, { url, user }) {
    await page.goto(`${url}?${UTM}#top`);
    await page.evaluate(() => window.firstPage.then(() => undefined));
    const before = await page.evaluate(identity);
    await page.evaluate(visit, user);
    await answered(page, 8);
    await page.reload();
    await answered(page, 1);
    return { before, after: await page.evaluate(identity) };
  },

  async leave(page, { url, user }) {
    await page.goto(url);
    await page.evaluate(visit, user);
    await answered(page, 1);
    await page.evaluate(() => window.analytics.track("Left", { last: true }).then(() => undefined));
    await page.goto("about:blank");
    return {};
  },

  async track(page, { url }) {
    await page.goto(url);
    await answered(page, 1);
    return {};
  },

  async tryAgain(page, { url }) {
    const again = page.waitForResponse((response) => response.request().headers()["x-retry-count"] === "1");
    await page.goto(url);
    await again;
    return {};
  },

  /** Lets the page live through an hour in no time, so that whatever waits for a later try has its turn. */
  async hourLater(page, { url }) {
    await page.clock.install();
    await page.goto(url);
    await page.waitForFunction(() => window.failures.length > 0, null, { timeout: 10_000 });
    await page.clock.runFor("01:00:00");
    return { failures: await page.evaluate(() => window.failures) };
  },
};

const browser = await chromium.launch({ executablePath, args });
for await (const line of createInterface({ input: process.stdin })) {
  const orders = JSON.parse(line);
  const context = await browser.newContext({ locale: "de-CH", timezoneId: "Europe/Zurich" });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
  page.on("requestfailed", (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  const report = await scenarios[orders.scenario](page, orders).catch((error) => ({ broke: String(error) }));
  await context.close();
  process.stdout.write(`${JSON.stringify({ problems, ...report })}\n`);
}
await browser.close();
