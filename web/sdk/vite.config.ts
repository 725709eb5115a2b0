import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

/** All the same to the engine, and better to pack. */
const onlyLet: Plugin = {
  name: "only-let",
  renderChunk: (code) => code.replace(/\bconst(?= [\w{[$])/g, "let"),
};

// `vite build` makes the module, `vite build --mode script` the script that the collector serves.
export default defineConfig(({ mode }) => ({
  define: { VERSION: JSON.stringify(version) },
  logLevel: "warn",
  plugins: mode == "script" ? [onlyLet] : [],
  build: {
    target: "es2021",
    emptyOutDir: mode != "script",
    rolldownOptions: { checks: { pluginTimings: false } },
    minify: mode == "script" ? "terser" : false,
    terserOptions: {
      ecma: 2020,
      safari10: false, // nothing of what we use is there
      toplevel: true,
      compress: { passes: 4, unsafe: true, unsafe_arrows: true, unsafe_methods: true, keep_fargs: false, hoist_vars: true },
    },
    lib:
      mode == "script"
        ? { entry: "src/script.ts", formats: ["iife"], name: "trackway", fileName: () => "trackway.js" }
        : { entry: "src/index.ts", formats: ["es"], fileName: () => "browser.js" },
  },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 },
}));
