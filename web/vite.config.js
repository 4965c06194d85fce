// Builds the pages that the program embeds. `build.rs` runs it; nothing of the result is committed.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/docs/",
  build: {
    rolldownOptions: { input: ["playground/index.html", "reference/index.html"] },
    emptyOutDir: true,
    // Fonts and pictures stay files, so that the page's policy allows no data: but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 10_000,
    sourcemap: false,
  },
  worker: { format: "es" },
});
