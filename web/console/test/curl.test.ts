import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curl, helloCurl, quote } from "../src/curl";

/** What a real shell makes of a command line. */
function words(line: string): string[] {
  const print = "for word; do printf '%s\\0' \"$word\"; done";
  return execFileSync("sh", ["-c", `set -- ${line}\n${print}`], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("curl", () => {
  it("survives a shell whatever stands in the event", () => {
    const body = JSON.stringify({ event: `it's "$HOME" \`id\` $(id) \\ ! # ; & | é 😀`, tab: "\t" });
    expect(words(curl("http://127.0.0.1:8080/", "key", "track", body))).toEqual([
      "curl", "-u", "key:", "-H", "Content-Type: application/json", "-d", body, "http://127.0.0.1:8080/v1/track",
    ]);
  });

  it("is one line, also for a body in several", () => {
    const line = curl("http://h", "key", "page", '{\r\n  "name": "a",\n  "n": 1\n}\n');
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(words(line)[6]!)).toEqual({ name: "a", n: 1 });
  });

  it("sends an unknown type to the track route", () => {
    expect(curl("http://h", "key", "../admin?x", "{}")).toMatch(/http:\/\/h\/v1\/track$/);
  });

  it("quotes only what needs it", () => {
    expect(quote("abc-1.2/x:y")).toBe("abc-1.2/x:y");
    expect(quote("")).toBe("''");
    expect(quote("it's")).toBe(`'it'\\''s'`);
  });

  it("makes the first event of a source", () => {
    const source = { key: "shop", name: "Shop", write_keys: ["wk 1"], enabled: true };
    expect(words(helloCurl("http://127.0.0.1:8080", source)).slice(0, 3)).toEqual(["curl", "-u", "wk 1:"]);
  });
});
