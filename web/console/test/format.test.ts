import { describe, expect, it } from "vitest";
import { between, clock, moment, rate, share, short, sum, whole } from "../src/ui/format";
import { below, isWithin } from "../src/json/pointer";
import { positionOf } from "../src/api/records";
import { match } from "../src/ui/match";
import { csvOf } from "../src/sql/csv";

describe("format", () => {
  const now = new Date(2026, 10, 23, 15, 0, 0);

  it("shows the time today and the day otherwise", () => {
    expect(clock(new Date(2026, 10, 23, 14, 3, 2, 7).toISOString(), now)).toBe("14:03:02.007");
    expect(clock(new Date(2026, 10, 20, 14, 3, 2).toISOString(), now)).toBe("20 Nov 14:03:02");
    expect(clock(new Date(2024, 1, 29, 14, 3, 2).toISOString(), now)).toBe("29 Feb 2024");
    expect(clock("not a time", now)).toBe("not a time");
  });

  it("names the zone of a whole moment", () => {
    expect(moment(new Date(2026, 10, 23, 14, 3, 2, 7).toISOString())).toMatch(/^23 Nov 2026, 14:03:02\.007 (UTC|GMT|[A-Z]{2,5}|GMT[+-]\d+(:\d+)?)$/);
  });

  it("shortens large numbers only", () => {
    expect([whole(1234567), short(99_999), short(1_234_567)]).toEqual(["1,234,567", "99,999", "1.2M"]);
    expect([rate(0), rate(0.44), rate(9.96), rate(1204.4)]).toEqual(["0", "0.4", "10", "1,204"]);
    expect(sum({ a: 2, b: 3 })).toBe(5);
  });

  it("never says 0 % of what is there, nor 100 % of less than all", () => {
    expect([share(0, 0), share(0, 9), share(1, 960), share(1, 8), share(959, 960), share(960, 960)])
      .toEqual(["–", "0 %", "< 1 %", "13 %", "> 99 %", "100 %"]);
  });

  it("says how much later", () => {
    const at = (ms: number) => new Date(1_000_000_000_000 + ms).toISOString();
    expect([between(at(0), at(340)), between(at(0), at(12_400)), between(at(0), at(3 * 3_600_000)), between(at(0), at(60 * 3_600_000))])
      .toEqual(["340 ms", "12 s", "3 h", "3 days"]);
  });
});

describe("pointer", () => {
  it("escapes as RFC 6901 says", () => {
    expect(below("/a", "b/c~d")).toBe("/a/b~1c~0d");
    expect(below("", 0)).toBe("/0");
  });

  it("stands within its parents only", () => {
    expect(isWithin("/a/b", "/a")).toBe(true);
    expect(isWithin("/ab", "/a")).toBe(false);
    expect(isWithin("/a", "")).toBe(true);
  });
});

describe("addresses", () => {
  const event = (path: string) => positionOf(match("/events/:topic/:partition/:offset", path) ?? {});

  it("name a record or nothing", () => {
    expect(event("/events/quarantine/2/17")).toEqual({ topic: "quarantine", partition: 2, offset: 17 });
    for (const path of ["/", "/events/x/1", "/events/events/0/-1", "/events/events/0/1/2", "/events/Ev<>/0/1"]) expect(event(path)).toBeNull();
  });

  it("hold names with any letters", () => {
    expect(match("/events/:id", "/events/a%2Fb%20c")).toEqual({ id: "a/b c" });
    expect(match("/events/:id", "/events/%E0%A4")).toEqual({ id: "%E0%A4" });
    expect(match("/sources/:key", "/sources/")).toBeNull();
    expect(match("/sources", "/sources/")).toEqual({});
    expect(match("/", "/")).toEqual({});
  });
});

describe("csv", () => {
  it("quotes, writes null as nothing, and defuses formulas", () => {
    const columns = [{ name: "a", type: "VARCHAR" }, { name: 'b "x"', type: "DOUBLE" }];
    const rows = [["x,y", null], ["=1+1", -2.5], ["a\nb", { k: [1] }], ["-cmd", true]];
    expect(csvOf({ columns, rows, truncated: false, duration_ms: 1 })).toBe(
      'a,"b ""x"""\r\n"x,y",\r\n\'=1+1,-2.5\r\n"a\nb","{""k"":[1]}"\r\n\'-cmd,true\r\n',
    );
  });
});
