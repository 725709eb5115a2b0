import { expect, it, vi } from "vitest";
import { isPassing, waitAfter } from "../src/retry";

it("tries again what may pass, and drops what never will", () => {
  for (const status of [undefined, 408, 410, 429, 460, 500, 502, 503, 504, 507, 599]) expect(isPassing(status), `${status}`).toBe(true);
  for (const status of [200, 204, 304, 400, 401, 403, 404, 409, 413, 415, 422, 451, 501, 505, 511])
    expect(isPassing(status), `${status}`).toBe(false);
});

it("tries again at once, then after 1 to 2 s, doubling to a minute", () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 40].map((failures) => waitAfter(failures, null))).toEqual([
    0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000,
  ]);
  vi.mocked(Math.random).mockReturnValue(0.999);
  expect(waitAfter(2, null)).toBeCloseTo(2000, -1);
  expect(waitAfter(9, null)).toBe(60000);
});

it("waits as long as the answer says, up to five minutes", () => {
  expect(waitAfter(1, "7")).toBe(7000);
  expect(waitAfter(5, "86400")).toBe(300_000);
  // A date and nonsense are no numbers: they are left out, as in Segment's client.
  expect(waitAfter(1, "Fri, 27 Nov 2026 10:00:00 GMT")).toBe(0);
  expect(waitAfter(1, "0")).toBe(0);
});
