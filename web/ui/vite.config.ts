import { defineConfig } from "vitest/config";

// `base: "./"`: the page is served from wherever its embedder mounts it. The development server hands /api to a
// running instance (or to `npm run mock`) named by DANXIA_API.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // Every modern browser preloads modules by itself; the polyfill would only cost bytes.
    modulePreload: { polyfill: false },
    // A data: URL would be refused by the Content-Security-Policy.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": { target: process.env.DANXIA_API ?? "http://127.0.0.1:5180" } } },
  test: { include: ["test/unit/**/*.test.ts"], environment: "node" },
});
