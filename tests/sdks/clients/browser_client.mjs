// Uses the test's page in Chromium: `browser_client.mjs EXECUTABLE FLAG…`. Each line of JSON on standard input,
// {"scenario", "url", "user"}, is one visit by somebody new, answered by a line with what page and browser reported.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, ...args] = process.argv.slice(2);
const UTM = "utm_source=news&utm_medium=email&utm_campaign=spring&utm_term=lamp&utm_content=hero&utm_id=7";

/** The calls of the page's visitor. With `inTurn` each has had its answer before the next; a batch answers all at once. */
async function visit({ user, inTurn }) {
  const { analytics } = window;
  const past = new Date("2026-03-02T09:30:15.123Z");
  const calls = [
    () => analytics.alias(user),
    () => analytics.identify(user, {
      email: "kim@example.com", createdAt: past, address: { postalCode: "8001", city: "Zürich" }, phone: null, vip: true,
    }),
    () => analytics.identify({ plan: "pro", age: 41 }),
    () => analytics.track("Product Viewed", {
      product_id: "sku-1", price: 19.95, tags: ["a", "b"], nested: { deepKey: { x1Y: "✓" } }, none: null, at: past.toISOString(),
    }, {
      timestamp: past, integrations: { All: true, Mixpanel: false },
      context: { groupId: "acme", traits: { email: "kim@example.com" } }, location: { city: "Bern" },
    }),
    () => analytics.group("acme", { name: "ACME", employees: 329 }),
    () => analytics.page("Docs", "Reading & Writing", { keywords: ["lamp", "light"], title: "My own title" }),
    () => analytics.screen("Shop", "Cart", { items: 3 }),
  ];
  await window.firstPage;
  for (const [index, call] of calls.entries()) {
    if (inTurn) await window.answered(index + 1);
    await call();
  }
  await window.answered(inTurn ? calls.length + 1 : 1);
}

const answered = (page, count) => page.evaluate((count) => window.answered(count), count);
const identity = () => window.analytics.then(([analytics]) => ({
  anonymousId: analytics.user().anonymousId(), userId: analytics.user().id() ?? null,
}));

const scenarios = {
  async visit(page, { url, user }) {
    await page.goto(`${url}?${UTM}#top`);
    const before = await page.evaluate(identity);
    await page.evaluate(visit, { user, inTurn: true });
    await page.reload();
    await answered(page, 1);
    return { before, after: await page.evaluate(identity) };
  },

  async leave(page, { url, user }) {
    await page.goto(url);
    await page.evaluate(visit, { user, inTurn: false });
    await page.evaluate(() => window.analytics.track("Left", { last: true }).then(() => undefined));
    await page.goto("about:blank");
    return {};
  },

  async track(page, { url }) {
    await page.goto(url);
    await answered(page, 1);
    return {};
  },

  /** Forty calls a second for as long as the site says so; then waits until each has had its 200. */
  async steady(page, { url, user }) {
    const delivered = new Set();
    page.on("response", (response) => {
      if (response.request().method() === "POST" && response.status() === 200) {
        delivered.add(response.request().postDataJSON().messageId);
      }
    });
    await page.goto(url);
    const sent = await page.evaluate(async (user) => {
      let number = 0;
      while (await fetch("/going").then((answer) => answer.text()) === "yes") {
        for (let n = 0; n < 4; n++) {
          window.analytics.track("Survived", { number: number++ }, { userId: user });
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return number;
    }, user);
    const end = Date.now() + 60_000;
    while (delivered.size < sent + 1 && Date.now() < end) {  // the page call too
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { sent, delivered: delivered.size, failures: await page.evaluate(() => window.failures) };
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
let context;
for await (const line of createInterface({ input: process.stdin })) {
  const orders = JSON.parse(line);
  // Not earlier: what a page sends on leaving outlives the page, but not its context.
  await context?.close();
  context = await browser.newContext({ locale: "de-CH", timezoneId: "Europe/Zurich" });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
  page.on("requestfailed", (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  const report = await scenarios[orders.scenario](page, orders).catch((error) => ({ broke: String(error) }));
  process.stdout.write(`${JSON.stringify({ problems, ...report })}\n`);
}
await browser.close();
