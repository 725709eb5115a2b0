// How long a page's main thread works for one script: `_longest_task.mjs CHROMIUM ROUNDS DONE NAME URL [NAME URL …]`, where
// URL's page loads the script NAME, and the expression DONE is true when it has done its work. The pages take turns, each
// time in a new tab; Chromium's trace says what each task of the main thread spent in the script, by the thread's own
// processor clock. Prints a line of JSON for each: milliseconds of its longest task, in each round.

import { chromium } from "playwright-core";

const [executablePath, rounds, done, ...named] = process.argv.slice(2);
const categories = ["devtools.timeline", "toplevel"];
const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext();
const within = (outer, inner) => outer.ts <= inner.ts && outer.ts + outer.dur >= inner.ts + inner.dur;

async function longest(name, url) {
  const page = await context.newPage();
  await browser.startTracing(page, { categories });
  await page.goto(url);
  for (const end = Date.now() + 15_000; Date.now() < end && !(await page.evaluate(`Boolean(${done})`)); )
    await new Promise((wake) => setTimeout(wake, 20));
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  await page.close();
  const timed = traceEvents.filter(({ ph, tdur }) => ph == "X" && tdur !== undefined);
  const ours = timed.filter(({ args }) => JSON.stringify(args ?? {}).includes(`/${name}`));
  const main = ours.find((event) => event.name == "EvaluateScript");
  const top = ours.filter((event) => event.tid == main.tid && event.pid == main.pid && !ours.some((other) => other != event && within(other, event)));
  const tasks = timed.filter((event) => event.tid == main.tid && event.pid == main.pid && event.name.endsWith("RunTask"));
  const spent = tasks.map((task) => top.filter((event) => within(task, event)).reduce((sum, { tdur }) => sum + tdur, 0));
  return Math.max(...spent) / 1000;
}

const found = named.filter((_, place) => place % 2 == 0).map(() => []);
for (let round = -3; round < +rounds; round++)
  for (const place of found.keys()) {
    const ms = await longest(named[2 * place], named[2 * place + 1]);
    if (round >= 0) found[place].push(ms); // the first rounds warm Chromium up
  }
for (const one of found) console.log(JSON.stringify(one));
await browser.close();
