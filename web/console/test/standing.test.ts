import { describe, expect, it } from "vitest";
import type { DestinationStatus } from "../src/api/destinations";
import type { DestinationHealth } from "../src/api/health";
import { errorRate, standingOf } from "../src/destinations/standing";
import { problemsOf } from "../src/overview/problems";

const worker = { breaker: "closed", reason: "", detail: "", refused: false, opens_in_s: 0, cursor: {}, waiting: 0 } as const;
const status: DestinationStatus = {
  destination: "crm", type: "webhook", name: "CRM", state: "running", error: "", crashes: 0, paused_ms: null, requests: 0, errors: 0, p95_s: null, worker,
};
const health: DestinationHealth = { destination: "crm", lag_s: 0, pending: 0, retrying: 0, rate: 0, requests: 0, errors: 0, failed: 0 };

describe("how a destination stands", () => {
  const word = (change: Partial<DestinationStatus>, now: Partial<DestinationHealth> = {}) => standingOf(true, { ...status, ...change }, { ...health, ...now }).word;

  it("is told by what is worst", () => {
    expect(standingOf(false, status, health).word).toBe("Switched off");
    expect(word({ state: "paused" }, { failed: 3 })).toBe("Paused");
    expect(word({ worker: { ...worker, refused: true, breaker: "open", reason: "401" } })).toBe("Credentials refused");
    expect(word({ worker: { ...worker, refused: true, breaker: "open", reason: "address_not_allowed", detail: "10.0.0.1: refused" } })).toBe("Address not allowed");
    expect(word({ worker: { ...worker, breaker: "open", reason: "503" } })).toBe("Not answering");
    expect(word({}, { failed: 1, retrying: 2 })).toBe("Some events fail");
    expect(word({}, { retrying: 2 })).toBe("Retrying");
    expect(word({}, { lag_s: 100 })).toBe("Behind");
    expect(word({})).toBe("Up to date");
  });

  it("has no error rate without requests", () => {
    expect([errorRate(health), errorRate({ ...health, requests: 4, errors: 1 })]).toEqual([null, 0.25]);
  });
});

describe("what needs attention", () => {
  const disk = { data_bytes: 1, free_bytes: 1e12, floor_bytes: 1, growth_bytes_per_day: null, days_left: null };
  const known = {
    workspace: null, alerts: undefined, statuses: [status], ledger: { accepted: 1, waiting: 0, differences: {} },
    health: { at_ms: 0, recent_s: 900, sources: [], destinations: [health], disk },
  };

  it("is nothing when all is well", () => expect(problemsOf(known)).toEqual([]));

  it("names the worst first", () => {
    const found = problemsOf({
      ...known,
      statuses: [{ ...status, state: "paused" }],
      ledger: { accepted: 1, waiting: 0, differences: { "records in events": -2 } },
      health: { ...known.health, sources: [{ source: "web", rate: 1, events: 100, quarantined: 3, dropped: 0 }], disk: { ...disk, days_left: 1 } },
    });
    expect(found.map((problem) => [problem.tone, problem.title])).toEqual([
      ["bad", "The ledger does not balance"],
      ["bad", "The disk is full in about a day"],
      ["odd", "crm: paused"],
      ["odd", "web: 3 calls quarantined lately"],
    ]);
  });

  it("has alerts that hold and are told nowhere else", () => {
    const standing = { subject: "", fired_ms: 1, resolved_ms: null, text: "" };
    const found = problemsOf({ ...known, alerts: {
      rules: [{ name: "quiet", when: "no_events" }, { name: "down", when: "destination_down" }],
      standings: [{ ...standing, rule: "quiet", title: "web: no events" }, { ...standing, rule: "quiet", title: "over", resolved_ms: 2 },
        { ...standing, rule: "quiet", title: "not yet", fired_ms: null }, { ...standing, rule: "down", title: "crm is down" }],
    } });
    expect(found.map((problem) => problem.title)).toEqual(["web: no events"]);
  });
});
