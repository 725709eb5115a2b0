import type { RawCall } from "./api/records";
import type { WorkspaceSource } from "./api/workspace";
import { TYPES } from "./live/filter";

/** Quote a text for a POSIX shell. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Return a curl command on one line that makes a call to the collector. */
export function curl(ingestUrl: string, writeKey: string, type: string, body: string): string {
  const known = (TYPES as readonly string[]).includes(type) ? type : "track";
  const url = `${ingestUrl.replace(/\/+$/, "")}/v1/${known}`;
  return `curl -u ${quote(`${writeKey}:`)} -H 'Content-Type: application/json' -d ${quote(oneLine(body))} ${quote(url)}`;
}

/** Return the command that makes a source's first event. */
export function helloCurl(ingestUrl: string, source: WorkspaceSource): string {
  const body = { userId: "user-1", event: "Hello Trackway", properties: { from: "curl" } };
  return curl(ingestUrl, source.write_keys[0] ?? "WRITE_KEY", "track", JSON.stringify(body));
}

/** Return the command that sends a call once more, as it came. */
export function repeatCurl(ingestUrl: string, source: WorkspaceSource | undefined, type: string, raw: RawCall): string {
  return curl(ingestUrl, source?.write_keys[0] ?? "WRITE_KEY", type, raw.body);
}

/** In JSON a line break only stands between tokens, where a space does as well. */
function oneLine(json: string): string {
  return json.replace(/\s*[\r\n]+\s*/g, " ").trim();
}
