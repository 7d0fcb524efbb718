import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** For machines that do much else at once. */
const PATIENCE_MS = 60_000;

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/shardblast/api/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8642", "/auth": "http://127.0.0.1:8642" } },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/patience.ts"],
    testTimeout: 2 * PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
    expect: { poll: { timeout: PATIENCE_MS } },
  },
});
