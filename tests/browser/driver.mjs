// Drives Chromium for the tests: reads one command a line on standard input, {"do", …}, and answers each with one line.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    // One process draws all pages, one after the other: starting one for each `goto` takes longer than most pages.
    "--renderer-process-limit=1", "--disable-site-isolation-trials",
  ],
});
let context, page, session, touched;
let problems = [];

const commands = {
  // A page without cookies, storage and past. It takes the place of the one before, with what that one has cached: a new
  // context for each test costs more than most tests.
  async open({ width, height, scheme, touch = false }) {
    if (!context || touch !== touched) await renew(touch);
    await page.goto("about:blank");
    await context.clearCookies();
    await session.send("Storage.clearDataForOrigin", { origin: "*", storageTypes: "local_storage,session_storage,indexeddb" });
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    problems = [];
  },
  goto: ({ url }) => page.goto(url, { waitUntil: "load" }).then((answer) => answer.status()),
  url: () => page.url(),
  click: ({ selector }) => page.click(selector),
  fill: ({ selector, text }) => page.fill(selector, text),
  // The editor is told what to replace by its own key: a selection made behind its back is undone by its next update.
  async write({ selector, text }) {
    await page.focus(selector);
    await page.keyboard.press("Control+A");
    await (text ? page.keyboard.insertText(text) : page.keyboard.press("Delete"));
  },
  select: ({ selector, value }) => page.selectOption(selector, value).then(() => null),
  press: ({ key }) => page.keyboard.press(key),
  back: () => page.goBack().then(() => null),
  text: ({ selector }) => page.innerText(selector),
  count: ({ selector }) => page.locator(selector).count(),
  evaluate: ({ code }) => page.evaluate(code),
  // Not waitForFunction: it evaluates text inside the page, which our Content-Security-Policy forbids. The waiting is the
  // page's own, as long as it stays: a question every few milliseconds would keep three processes busy.
  async until({ code, timeoutMs }) {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await pause()) {
      const found = await page.evaluate(`(async () => {
        for (const end = Date.now() + ${Math.min(2000, timeoutMs)}; Date.now() < end; await new Promise((wake) => setTimeout(wake, 15)))
          try { if (${code}) return true } catch {}
      })()`).catch(() => false); // the page may just be changing
      if (found) return null;
    }
    throw new Error(`not within ${timeoutMs} ms: ${code}`);
  },
  scheme: ({ scheme }) => page.emulateMedia({ colorScheme: scheme }),
  size: ({ width, height }) => page.setViewportSize({ width, height }),
  shot: ({ path }) => page.screenshot({ path }).then(() => null),
  // Seconds that the page's main thread spent: {TaskDuration, ScriptDuration, LayoutDuration, RecalcStyleDuration, …}.
  async metrics() {
    const { metrics } = await session.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  },
  async problems() {
    const violations = await page.evaluate(() => window.__violations ?? []);
    return [...problems, ...violations.map((each) => `policy ${each}`)];
  },
};

const pause = () => new Promise((wake) => setTimeout(wake, 20));

async function renew(touch) {
  await context?.close();
  touched = touch;
  context = await browser.newContext({
    hasTouch: touch, reducedMotion: "reduce", deviceScaleFactor: touch ? 2 : 1, locale: "en-GB", timezoneId: "Europe/Berlin",
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await context.addInitScript(() => {
    window.__violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  });
  page = await context.newPage();
  page.on("dialog", (dialog) => { problems.push(`dialog ${dialog.message()}`); void dialog.dismiss(); });
  page.on("pageerror", (error) => problems.push(`error ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(`console ${message.text()}`);
  });
  page.on("request", (request) => { problems.push(...foreign(request.url())); });
  page.setDefaultTimeout(30_000);
  session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
}

function foreign(url) {
  const { hostname, protocol } = new URL(url);
  const ours = ["127.0.0.1", "localhost"].includes(hostname) || ["data:", "blob:", "about:"].includes(protocol);
  return ours ? [] : [`request ${url}`];
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](options)) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
