import { defineConfig } from "vitest/config";

const CONSOLE = process.env["TRACKWAY_CONSOLE"] ?? "http://127.0.0.1:8081";

export default defineConfig({
  build: {
    outDir: "../../src/trackway/console/static",
    emptyOutDir: true,
    target: "es2022",
    // The tokens are written with light-dark(), which is to stay as it is.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The console's Content-Security-Policy takes fonts and scripts from files only.
    assetsInlineLimit: 0,
    // The console, and the playground as a page for everybody.
    rolldownOptions: { input: ["index.html", "playground.html"] },
    modulePreload: { polyfill: false },
    // The editor is loaded alone, when one is first shown.
    chunkSizeWarningLimit: 700,
  },
  server: {
    // `npm run dev` shows the page of this folder with the data of a running Trackway.
    proxy: Object.fromEntries(
      ["/api", "/login", "/logout", "/favicon.svg", "/page.css"].map((path) => [path, CONSOLE]),
    ),
  },
  test: { include: ["test/**/*.test.ts"] },
});
