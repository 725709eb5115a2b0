// Tabs of one visitor in Chromium: `visitor.mjs EXECUTABLE FLAG…`. Each line of JSON on standard input, {"do", …}, is one
// command, answered by a line with {"value"} or {"error"}.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, ...args] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args });
const meters = new WeakMap();
let context;
let tabs;
let problems;

async function open(tab) {
  const page = (tabs[tab] = await context.newPage());
  page.setDefaultTimeout(30_000);
  const meter = await context.newCDPSession(page);
  await meter.send("Performance.enable", { timeDomain: "threadTicks" });
  meters.set(page, meter);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
  return page;
}

const commands = {
  /** Somebody new, without cookies. */
  async visitor({ init }) {
    await context?.close();
    [tabs, problems] = [{}, []];
    context = await browser.newContext({ locale: "de-CH", timezoneId: "Europe/Zurich", viewport: { width: 1000, height: 700 } });
    await context.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    if (init) await context.addInitScript(init);
  },
  /** Opens `url`, in a new tab if there is none of that name; with `clock` its time is in our hands. */
  async goto({ tab, url, clock, wait = "load" }) {
    const page = tabs[tab] ?? (await open(tab));
    if (clock) await page.clock.install();
    await page.goto(url, { waitUntil: wait });
  },
  evaluate: ({ tab, code }) => tabs[tab].evaluate(code),
  async until({ tab, code }) {
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((wake) => setTimeout(wake, 20)))
      if (await tabs[tab].evaluate(`Boolean(${code})`).catch(() => false)) return;
    throw new Error(`not within 30 s: ${code}`);
  },
  click: ({ tab, selector }) => tabs[tab].click(selector),
  back: ({ tab }) => tabs[tab].goBack().then(() => null),
  later: ({ tab, ms }) => tabs[tab].clock.runFor(ms),
  offline: ({ on }) => context.setOffline(on),
  /** Kills the tab's renderer. */
  async crash({ tab }) {
    const page = tabs[tab];
    const gone = page.waitForEvent("crash");
    const session = await context.newCDPSession(page);
    session.send("Page.crash").catch(() => {});
    await gone;
    await commands.close({ tab });
  },
  async close({ tab }) {
    await tabs[tab].close();
    delete tabs[tab];
  },
  cookies: () => context.cookies(),
  /** Milliseconds that the tab's main thread has spent in scripts, by its own clock. */
  async scripting({ tab }) {
    const { metrics } = await meters.get(tabs[tab]).send("Performance.getMetrics");
    return metrics.find(({ name }) => name == "ScriptDuration").value * 1000;
  },
  problems: () => problems,
};

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
