import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { CALL_TYPES, EXAMPLES } from "../src/playground/call";
import { snippets } from "../src/playground/snippets";

const ODD = {
  event: `it's "$HOME" \\ #{x} ${"`"}id${"`"} é😀`, userId: "u-1", anonymousId: "a-1", timestamp: "2026-11-20T10:00:00Z",
  properties: { "a b": [1, 2.5, true, null, { deep: "x" }], plan: "Pro 'Annual'", empty: {} }, context: { ip: "1.2.3.4" }, integrations: { All: false },
};
const TARGET = { host: "http://127.0.0.1:8080", writeKey: "wk" };

function code(id: string, type = "track" as (typeof CALL_TYPES)[number], call: Record<string, unknown> = ODD): string {
  return snippets(type, call, TARGET).find((one) => one.id === id)!.code;
}

describe("snippets", () => {
  it("name the host and the key in every language, for every type", () => {
    for (const type of CALL_TYPES) {
      for (const one of snippets(type, EXAMPLES[type], { host: "https://t.example.com", writeKey: "KEY_77" })) {
        expect(one.code, `${one.id} ${type}`).toContain("t.example.com");
        expect(one.code, `${one.id} ${type}`).toContain("KEY_77");
        expect(one.code, `${one.id} ${type}`).not.toContain("undefined");
        expect(one.note).toBeUndefined();
      }
    }
  });

  it("say which libraries send over https alone", () => {
    const noted = snippets("track", ODD, TARGET).filter((one) => one.note).map((one) => one.id);
    expect(noted).toEqual(["kotlin", "swift", "csharp"]);
  });

  it("in Python make the call", () => {
    const stub = `
import sys, types, json
got = {}
analytics = types.ModuleType("segment.analytics")
analytics.track = lambda **call: got.update(call)
analytics.flush = lambda: None
segment = types.ModuleType("segment"); segment.analytics = analytics
sys.modules["segment"] = segment; sys.modules["segment.analytics"] = analytics
exec(compile(sys.stdin.read(), "snippet", "exec"))
got["timestamp"] = got["timestamp"].isoformat()
print(json.dumps({**got, "host": analytics.host, "write_key": analytics.write_key}))
`;
    const got = JSON.parse(execFileSync("python3", ["-c", stub], { input: code("python"), encoding: "utf8" })) as Record<string, unknown>;
    expect(got).toEqual({
      user_id: "u-1", anonymous_id: "a-1", event: ODD.event, properties: ODD.properties, context: ODD.context, integrations: ODD.integrations,
      timestamp: "2026-11-20T10:00:00+00:00", host: TARGET.host, write_key: "wk",
    });
  });

  it("say what the compilers of Go, Java, Swift and C# want to know of nested values", () => {
    const deep = { userId: "u", event: "E", properties: { none: null, empty: {}, list: [], items: [{ sku: "a".repeat(40), n: 1 }, { sku: "b", n: null }] } };
    const [go, java, swift, csharp] = ["go", "java", "swift", "csharp"].map((id) => code(id, "track", deep).replace(/\n\s*/g, " "));
    expect(go).toContain(`"b", "n": nil }, }),`); // a line break after a value needs a comma before it
    expect(java).not.toContain("null"); // which Map.entry and List.of do not take
    expect(java).toContain(`Map.ofEntries(Map.entry("sku", "b"))`);
    expect(swift).toContain(`"empty": [:] as [String: Any]`);
    expect(swift).toContain(`"n": NSNull()] as [String: Any] ] as [Any]`);
    expect(csharp).toContain(`new JsonObject { ["sku"] = "b" } } });`);
  });

  it("in curl send the call", () => {
    const words = spawnSync("sh", ["-c", `curl() { for word; do printf '%s\\0' "$word"; done; }\n${code("curl")}`], { encoding: "utf8" }).stdout.split("\0");
    expect(words[0]).toBe("http://127.0.0.1:8080/v1/track");
    expect(JSON.parse(words[words.indexOf("-d") + 1]!)).toEqual(ODD);
  });

  it("in Node and the browser are JavaScript with the call's own values", () => {
    const got: unknown[] = [];
    const run = (text: string, names: string[], values: unknown[]) => new Function(...names, text.replace(/^import.*$/gm, "").replace("await ", ""))(...values);
    class Analytics { track(call: unknown) { got.push(call); } closeAndFlush() {} }
    run(code("node"), ["Analytics"], [Analytics]);
    const browser = { load: () => ({ track: (...args: unknown[]) => got.push(args) }) };
    run(code("web"), ["AnalyticsBrowser"], [browser]);
    const { event, properties, context, ...top } = ODD;
    expect(got).toEqual([ODD, [event, properties, { ...top, context }]]);
  });

  it.each([["ruby", "ruby", ["-c"]], ["php", "php", ["-l"]]])("in %s are read by its parser, where there is one", (id, command, args) => {
    if (spawnSync(command, ["--version"]).error) return;
    const checked = spawnSync(command, args, { input: code(id), encoding: "utf8" });
    expect(checked.stderr).toBe("");
    expect(checked.status).toBe(0);
  });
});
