// Packs what Vite built for the program that embeds it: the pages as they are, so that anybody can read them, each other file
// compressed, a text with the licences of everything inside, and last `index.tsv`, which says what is there. Called by `build.rs`
// as `node pack.js BUILT PACKED`.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const MEDIA = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
  ".txt": "text/plain; charset=utf-8",
};

const [built, packed] = process.argv.slice(2);

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

/** The files of what was built from one configuration: its pages, then what they need, as `folder/name`. */
function filesOf(folder) {
  const inside = join(built, folder);
  const read = (...path) => readFileSync(join(inside, ...path));
  const isPage = (name) => name.endsWith(".html");
  const pages = readdirSync(inside, { recursive: true }).filter(isPage).sort();
  const assets = readdirSync(join(inside, "assets")).sort();
  return [
    // `reference/index.html` is `reference.html`, one without a folder bears the name of the whole.
    ...pages.map((path) => [`${folder}/${dirname(path) === "." ? folder : dirname(path)}.html`, read(path)]),
    ...assets.map((name) => [`${folder}/${name}`, read("assets", name)]),
  ];
}

const files = [
  ...readdirSync(built).sort().flatMap(filesOf),
  ["docs/licences.txt", Buffer.from(licences())],
];
const rows = files.map(([name, bytes]) => {
  const media = MEDIA[extname(name)];
  if (!media) throw new Error(`pack.js does not know what ${name} is`);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const isPage = extname(name) === ".html";
  mkdirSync(join(packed, dirname(name)), { recursive: true });
  writeFileSync(join(packed, name), isPage ? bytes : brotliCompressSync(bytes, { params }));
  return [name, media, hash].join("\t");
});
writeFileSync(join(packed, "index.tsv"), `${rows.join("\n")}\n`);
