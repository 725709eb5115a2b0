import { describe, expect, it } from "vitest";
import { reachOf, snippetsOf } from "../src/sources/snippets";

describe("set-up snippets", () => {
  it("have this key and host filled in, for every kind of client", () => {
    const snippets = snippetsOf("https://t.example.com/", "wk_1");
    expect(snippets.map((snippet) => snippet.value)).toEqual(["web", "node", "python", "curl", "ios", "android"]);
    for (const { parts } of snippets) {
      for (const { code } of parts) {
        expect(code).toContain("wk_1");
        expect(code).toContain("t.example.com");
        expect(code).not.toContain("t.example.com//");
      }
    }
    expect(snippets[0]!.parts[0]!.code).toContain('protocol: "https"');
  });

  it("warn where the address cannot be reached from", () => {
    expect(reachOf("http://127.0.0.1:8080", "ios")).toContain("https");
    expect(reachOf("http://127.0.0.1:8080", "node")).toContain("this machine");
    expect([reachOf("http://127.0.0.1:8080", "curl"), reachOf("https://t.example.com", "android")]).toEqual(["", ""]);
  });
});
