// The explorer as static files that any host serves: relative addresses, no server side, no isolation headers needed.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: file("."),
  base: "./",
  publicDir: file("../build/web-public"),
  resolve: {
    alias: [
      { find: /^nested-iommu$/, replacement: file("../dist/index.js") },
      { find: /^nested-iommu\/replay$/, replacement: file("../dist/replay.js") },
    ],
  },
  build: { outDir: file("../build/web"), emptyOutDir: true, target: "es2022" },
  worker: { format: "es" },
});
