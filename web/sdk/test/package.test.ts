/** What `npm pack` makes is a package: module, script-tag build, and types that a project of its own compiles against. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const SDK = fileURLToPath(new URL("..", import.meta.url));
const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const PROJECT = `
import { load, type Analytics, type Context, type SourceMiddleware } from "@trackway/browser";

const addPlan: SourceMiddleware = ({ payload, next }) => {
  payload.obj.context["plan"] = "pro";
  next(payload);
};
export const analytics: Analytics = load("KEY", { host: "https://events.shop.example", spa: true, flushAt: 10 });
export const done: Promise<Context> = analytics.track("Order Completed", { revenue: 19.99 }, ({ event }) => event?.messageId);
analytics.addSourceMiddleware(addPlan).then(() => analytics.identify("u1", { plan: "pro" }));
export const who: string | null = analytics.user().id();
// @ts-expect-error: an event's name is a text
void analytics.track(7);
`;
let folder: string;
let files: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trackway-package-"));
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: SDK, encoding: "utf8" });
  const [{ filename, files: listed }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = listed.map((file) => file.path);
  mkdirSync(join(folder, "node_modules/@trackway/browser"), { recursive: true });
  const to = ["-C", "node_modules/@trackway/browser", "--strip-components=1"];
  execFileSync("tar", ["-xzf", filename, ...to], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

const compile = (text: string, module: string) => {
  const moduleResolution = module == "NodeNext" ? "NodeNext" : "Bundler";
  const compilerOptions = { target: "ES2022", lib: ["ES2022", "DOM"], module, moduleResolution, strict: true, noEmit: true, types: [], skipDefaultLibCheck: true };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(join(folder, "main.ts"), text);
  try {
    return execFileSync(process.execPath, [TSC, "-p", "."], { cwd: folder, encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
};

it("holds what its package.json names", () => {
  const about = JSON.parse(readFileSync(join(SDK, "package.json"), "utf8")) as Record<string, string>;
  const named = [about["module"], about["types"], about["unpkg"], "package.json"].map((name) => name!.replace("./", ""));
  expect(files).toEqual(expect.arrayContaining(named));
  expect(existsSync(join(folder, "node_modules/@trackway/browser", about["unpkg"]!))).toBe(true);
  expect(files.filter((name) => !/^(dist\/|package\.json$|README|LICENSE)/.test(name))).toEqual([]);
});

it.each(["ESNext", "NodeNext"])("gives its types to a project of %s modules", (module) => {
  expect(compile(PROJECT, module)).toBe("");
});
