// Packs what Vite built for the program that embeds it: the pages as they are, so that anybody can read them, each other file
// compressed, a text with the licences of everything inside, and last `index.tsv`, which says what is there. Called by `build.rs`
// as `node pack.js BUILT PACKED`.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const MEDIA = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".ttf": "font/ttf",
  ".txt": "text/plain; charset=utf-8",
};

const [built, packed] = process.argv.slice(2);
mkdirSync(packed, { recursive: true });

/** The licences of what the pages are made of. */
function licences() {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const parts = Object.entries(packages)
    .filter(([path, about]) => path && !about.dev && !about.devOptional)
    .map(([path, about]) => {
      let files = [];
      try {
        files = readdirSync(path).filter((name) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(name));
      } catch {
        // Optional, and not for this system.
      }
      const texts = files.map((name) => readFileSync(join(path, name), "utf8").trim());
      const name = path.replace(/^.*node_modules\//, "");
      return `${name} ${about.version} (${about.license})\n\n${texts.join("\n\n")}\n`;
    });
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

const read = (folder, name) => readFileSync(join(built, folder, name));
const pages = readdirSync(built).filter((name) => name !== "assets").sort();
const assets = readdirSync(join(built, "assets")).sort();
const files = [
  ...pages.map((name) => [`${name}.html`, read(name, "index.html")]),
  ...assets.map((name) => [name, read("assets", name)]),
  ["licences.txt", Buffer.from(licences())],
];
const rows = files.map(([name, bytes]) => {
  const media = MEDIA[extname(name)];
  if (!media) throw new Error(`pack.js does not know what ${name} is`);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const isPage = extname(name) === ".html";
  writeFileSync(join(packed, name), isPage ? bytes : brotliCompressSync(bytes, { params }));
  return [name, media, hash].join("\t");
});
writeFileSync(join(packed, "index.tsv"), `${rows.join("\n")}\n`);
