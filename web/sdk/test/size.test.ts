import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const BUILT = new URL("../dist/trackway.js", import.meta.url);

it("is at most 5,120 bytes, packed", () => {
  expect(existsSync(BUILT), "run `make build` first").toBe(true);
  expect(gzipSync(readFileSync(BUILT), { level: 9 }).length).toBeLessThanOrEqual(5120);
});

it("needs neither eval nor a worker, and asks nobody but the collector", () => {
  const script = readFileSync(BUILT, "utf8");
  expect(script).not.toMatch(/\beval\b|\bFunction\(|new Function|Worker\(|import\(|https?:/);
});
