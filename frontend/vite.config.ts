/// <reference types="vitest/config" />
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = "../backend/maquette/web/dist";
const api = process.env.VITE_API_TARGET ?? "http://127.0.0.1:8400";

/** Text is compressed once, here, so that the server only has to choose a file. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg|wasm)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = readFileSync(path);
        if (bytes.length < 1024) continue;
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      }
    },
  };
}

// The host stays the page's own, so that the server names this origin for Storage and Realtime as well.
const passOn = { target: api, changeOrigin: false, ws: true };

export default defineConfig({
  plugins: [react(), tailwindcss(), precompress()],
  resolve: { alias: { "@": join(import.meta.dirname, "src") } },
  server: { proxy: { "/api": passOn, "/storage": passOn, "/realtime": passOn, "/docs": passOn } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2023",
    // Inlined files would need a wider content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    manifest: true,
    // Every browser of the target knows module preloading.
    modulePreload: { polyfill: false },
    // What changes with our own code is not what changes with a library: a browser keeps this over our versions.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "base", test: /node_modules\/(react|react-dom|scheduler|@tanstack)\// }] } } },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
