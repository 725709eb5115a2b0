// The script of the test's page: Segment's browser client as a site would use it, settings taken from the document.

import { AnalyticsBrowser } from "@segment/analytics-next";

const { load, options } = JSON.parse(document.getElementById("settings").textContent);
window.failures = [];
window.analytics = AnalyticsBrowser.load(load, options);
window.analytics.catch((error) => window.failures.push(`load: ${error.message}`));
window.analytics.on("error", (error) => window.failures.push(`${error.code}: ${error.reason?.message}`));
window.firstPage = window.analytics.page();

/** Done when `count` requests that carried events have had their answers. */
window.answered = (count) => new Promise((resolve) => {
  const look = () => performance.getEntriesByType("resource").filter(({ name }) => /\/v1\/[a-z]$/.test(name)).length >= count
    && resolve();
  new PerformanceObserver(look).observe({ type: "resource", buffered: true });
});
