// How fast others make events into Mixpanel's requests: `_peer_mixpanel.mjs segment|rudderstack FOLDER EVENTS SECONDS`,
// where FOLDER holds Segment's package or RudderStack's transformer (mixpanel_peers.py says how) and EVENTS is a file
// of JSON lines. Nothing is sent; reading and writing JSON is in the time. Prints a line of JSON: events a second of
// processor time, in each of the passes over the file that fit into SECONDS.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [peer, folder, file, seconds] = process.argv.slice(2);
const require = createRequire(resolve(folder, "index.js"));
const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
const BATCH = 500;

function segment() {
  const { transform } = require("@segment/actions-core");
  const { presets, actions } = require("@segment/action-destinations/dist/destinations/mixpanel").default;
  const { mapping } = presets.find(({ name }) => name == "Track Calls");
  const settings = { projectToken: "token", apiSecret: "secret", apiRegion: "US 🇺🇸", sourceName: "shop", strictMode: "1" };
  const send = async (_, { json }) => (JSON.stringify(json), { status: 200, data: {}, content: "{}" });
  return (some) => actions.trackEvent.performBatch(send, { settings, payload: some.map((event) => transform(mapping, event)) });
}

function rudderstack() {
  const { processRouterDest } = require("./src/v0/destinations/mp/transform.js");
  const Config = { token: "token", apiSecret: "secret", dataResidency: "us", strictMode: true, identityMergeApi: "original" };
  const destination = { ID: "mixpanel", Config };
  return async (some) => {
    const inputs = some.map((message, jobId) => ({ message, destination, metadata: { jobId, userId: message.anonymousId } }));
    const made = await processRouterDest(inputs, {});
    const refused = made.find(({ error }) => error);
    if (refused) throw new Error(refused.error);
    JSON.stringify(made);
  };
}

const render = { segment, rudderstack }[peer]();
const rates = [];
for (const end = Date.now() + seconds * 1000; Date.now() < end || rates.length < 3; ) {
  const before = process.cpuUsage();
  for (let at = 0; at < lines.length; at += BATCH) await render(lines.slice(at, at + BATCH).map((line) => JSON.parse(line)));
  const { user, system } = process.cpuUsage(before);
  rates.push(lines.length / ((user + system) / 1e6));
}
console.log(JSON.stringify(rates.slice(1))); // the first pass warms V8 up
process.exit();
