import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { mockServer } from "./dev/plugin.ts";

/** Where the real Skerry answers while the page is worked on. */
const skerry = process.env.SKERRY_URL ?? "https://127.0.0.1:8443";

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "mock" ? [mockServer()] : [])],
  build: { target: "es2023", chunkSizeWarningLimit: 700, reportCompressedSize: false, license: { fileName: "licenses.md" } },
  server:
    mode === "mock"
      ? {}
      : {
          proxy: {
            "/api": {
              target: skerry,
              changeOrigin: true,
              secure: false, // its certificate is its own
              ws: true,
              rewriteWsOrigin: true,
              headers: { origin: skerry },
            },
          },
        },
  test: {
    restoreMocks: true,
    projects: [
      // What the page decides needs no browser; a pretended one takes a second a file to start.
      { extends: true, test: { name: "logic", environment: "node", include: ["src/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "page",
          environment: "happy-dom",
          include: ["src/**/*.test.tsx"],
          setupFiles: ["src/test/setup.ts"],
          css: false,
          testTimeout: 30_000,
        },
      },
    ],
  },
}));
