// Bundles page.js, and Segment's unmodified package with it, into the folder named as argument.

import { fileURLToPath } from "node:url";
import { build } from "vite";

await build({
  configFile: false,
  logLevel: "error",
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    outDir: process.argv[2],
    emptyOutDir: true,
    rolldownOptions: {
      input: fileURLToPath(new URL("page.js", import.meta.url)),
      output: { entryFileNames: "page.js", chunkFileNames: "chunk-[name].js" },
    },
  },
});
