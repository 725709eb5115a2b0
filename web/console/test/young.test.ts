import { expect, it } from "vitest";
import { isYoung, type History, type Values } from "../src/api/health";

const history = (events: Values): History => ({
  range: "1h", from_s: 0, to_s: 3600, step_s: 600, times: events.map((_, i) => (i + 1) * 600),
  sources: [{ source: "web", events, quarantined: [], dropped: [] }], destinations: [], data_bytes: [],
});

it("is young when nothing was measured before the last quarter of an hour", () => {
  expect(isYoung(history([null, null, null, null, 0, 3]))).toBe(true);
  expect(isYoung(history([null, null, null, 0, 0, 3]))).toBe(false);
  expect(isYoung(history([null, null, null, null, null, null])), "nothing at all").toBe(false);
});
