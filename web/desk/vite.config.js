// Builds the officers' pages. `build.rs` runs it; nothing of the result is committed.
// While they are worked on: `BOX=https://127.0.0.1:8443 npx vite --config desk/vite.config.js`, with `blotter demo` running.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** The pages asked of Vite, everything else of the box. */
function proxy(box) {
  const settings = {
    target: box,
    secure: false,
    changeOrigin: true,
    // The box takes a session's cookie from its own pages alone.
    configure: (proxy) => {
      for (const event of ["proxyReq", "proxyReqWs"]) {
        proxy.on(event, (request) => request.setHeader("origin", box));
      }
    },
  };
  return { "/v1": { ...settings, ws: true }, "/graphql": settings };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  build: {
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: { proxy: process.env.BOX ? proxy(process.env.BOX) : {} },
});
