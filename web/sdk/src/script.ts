/** The script-tag build: finds write key, collector and earlier calls, and puts the client in their place. */

import { createAnalytics } from "./analytics";
import type { Values } from "./values";

const tag = document.currentScript as HTMLScriptElement;
const { writeKey, options, globalSegmentAnalyticsKey = "analytics" } = tag.dataset;
const [, host, , key] = tag.src.match(/(.*?)\/(analytics.js\/v1\/([^/]+)|trackway.js)/)!;
const page = window as unknown as Values;
const before = page[globalSegmentAnalyticsKey] ?? [];
const loaded = { ...before._loadOptions, ...(options && JSON.parse(options)) };
const found = writeKey ?? key ?? before._writeKey;

if (found) {
  if (!before.initialized)
    createAnalytics(found, loaded.host ?? host!, loaded, before, (analytics) => (page[globalSegmentAnalyticsKey] = analytics));
} else console.error("No write key");
