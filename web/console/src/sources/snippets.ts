/** How to send a first event from each kind of client, with this host and key filled in. */

export interface Snippet {
  value: string;
  label: string;
  parts: { label: string; code: string }[];
}

export function snippetsOf(host: string, writeKey: string): Snippet[] {
  const url = host.replace(/\/+$/, "");
  const bare = url.replace(/^https?:\/\//, "");
  const protocol = url.startsWith("https:") ? "https" : "http";
  return [
    { value: "web", label: "Web", parts: [
      { label: "npm install @segment/analytics-next", code: `import { AnalyticsBrowser } from "@segment/analytics-next";

const analytics = AnalyticsBrowser.load(
  { writeKey: "${writeKey}", cdnURL: "${url}" },
  { integrations: { "Segment.io": { apiHost: "${bare}/v1", protocol: "${protocol}" } } },
);
analytics.track("Hello Trackway", { from: "web" });` },
    ] },
    { value: "node", label: "Node", parts: [
      { label: "npm install @segment/analytics-node", code: `import { Analytics } from "@segment/analytics-node";

const analytics = new Analytics({ writeKey: "${writeKey}", host: "${url}" });
analytics.track({ userId: "user-1", event: "Hello Trackway", properties: { from: "node" } });
await analytics.closeAndFlush();` },
    ] },
    { value: "python", label: "Python", parts: [
      { label: "pip install segment-analytics-python", code: `import segment.analytics as analytics

analytics.write_key = "${writeKey}"
analytics.host = "${url}"
analytics.track("user-1", "Hello Trackway", {"from": "python"})
analytics.flush()` },
    ] },
    { value: "curl", label: "curl", parts: [
      { label: "a terminal", code: `curl -u '${writeKey}:' -H 'Content-Type: application/json' \\
  -d '{"userId":"user-1","event":"Hello Trackway","properties":{"from":"curl"}}' \\
  '${url}/v1/track?verdicts=1'` },
    ] },
    { value: "ios", label: "iOS", parts: [
      { label: "Swift package segmentio/analytics-swift", code: `import Segment

let analytics = Analytics(
    configuration: Configuration(writeKey: "${writeKey}")
        .apiHost("${bare}/v1")
        .cdnHost("${bare}/v1")
)
analytics.track(name: "Hello Trackway", properties: ["from": "ios"])` },
    ] },
    { value: "android", label: "Android", parts: [
      { label: "com.segment.analytics.kotlin:android", code: `import com.segment.analytics.kotlin.android.Analytics
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

val analytics = Analytics("${writeKey}", applicationContext) {
    apiHost = "${bare}/v1"
    cdnHost = "${bare}/v1"
}
analytics.track("Hello Trackway", buildJsonObject { put("from", "android") })` },
    ] },
  ];
}

/** What has to be so for a client to reach this address; "" when nothing has to. */
export function reachOf(host: string, client: string): string {
  const local = /^https?:\/\/(127\.|localhost|\[::1\])/.test(host);
  if ((client === "ios" || client === "android") && (local || host.startsWith("http:"))) {
    return `Mobile libraries always use https. Give this collector a name with TLS, and set \`collector.public_url\` to it.`;
  }
  if (local && client !== "curl") return "This address is this machine's own: it works for a client that runs here.";
  return "";
}
