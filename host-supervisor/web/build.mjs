// Bundles the pages into dist/: HTML with the names of hashed assets filled in, nothing inline, nothing fetched
// from elsewhere. The same sources give the same files.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "dist");
/** Each page's HTML, and the script that it runs. */
const PAGES = {
  index: "start.ts",
  session: "session.ts",
  terminal: "terminal.ts",
  console: "console.tsx",
  novnc: "novnc.ts",
};
/** All of dist/ as a browser fetches it. A larger page is a decision, not an accident. */
const BUDGET_BYTES = 300_000;
/** The page of a sign-in with everything that it can load, both kinds of picture among it: people wait for it. */
const SESSION_BUDGET_BYTES = 120_000;

rmSync(DIST, { recursive: true, force: true });
mkdirSync(join(DIST, "assets"), { recursive: true });

const { metafile } = await build({
  absWorkingDir: HERE,
  entryPoints: Object.values(PAGES).map((script) => `src/pages/${script}`),
  outdir: DIST,
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  // The client's sources, which need no building first.
  conditions: ["anteroom-source"],
  minify: true,
  // The oldest browsers with top-level await, which noVNC needs, and with `dialog`.
  target: ["chrome111", "firefox113", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const assets = { ...scriptsAndStyles(), icon: addAsset("icon.svg", read("html/icon.svg")) };
assets.licences = addAsset("licences.txt", licences());
for (const page of Object.keys(PAGES)) {
  writeFileSync(join(DIST, `${page}.html`), fillIn(read(`html/${page}.html`), page));
}
const sizes = compressAssets();
report();

function scriptsAndStyles() {
  const found = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const page = /^src\/pages\/(\w+)\.tsx?$/.exec(output.entryPoint ?? "")?.[1];
    if (page === undefined) continue;
    found[`${page}.js`] = address(path);
    found[`${page}.css`] = address(output.cssBundle);
  }
  return found;
}

/** Where the daemon serves a file of dist/. */
function address(path) {
  return `/${relative("dist", path).split(sep).join("/")}`;
}

function addAsset(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const path = `assets/${name.replace(/(\.\w+)$/, `-${hash}$1`)}`;
  writeFileSync(join(DIST, path), content);
  return `/${path}`;
}

function fillIn(html, page) {
  return html.replace(/\{([\w.]+)\}/g, (_, name) => {
    if (!assets[name]) throw new Error(`${page}.html names ${name}, which the build does not make`);
    return assets[name];
  });
}

/** What the licences of the bundled packages ask to be handed on. */
function licences() {
  const inputs = Object.keys(metafile.inputs);
  const packages = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]));
  packages.delete(undefined);
  const texts = [...packages].sort().map((name) => {
    const { version, license, repository } = JSON.parse(read(`node_modules/${name}/package.json`));
    const { url = repository } = repository;
    const source = `${url.replace(/^git\+|\.git$/g, "")}, version ${version}`;
    const files = licenceFiles(`node_modules/${name}`).map((path) => `\n--- ${path}\n\n${read(path)}`);
    return `${name} ${version}, ${license}\nUnchanged source: ${source}\n${files.join("\n")}`;
  });
  return `Software of others in these pages\n\n${texts.join("\n\n")}`;
}

function licenceFiles(directory) {
  const entries = readdirSync(join(HERE, directory), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return licenceFiles(path);
    return /^licen[cs]e/i.test(entry.name) ? [path] : [];
  });
}

/** Beside each asset the forms in which browsers take it; answers their smallest sizes, and what there is in all. */
function compressAssets() {
  const found = new Map();
  const entries = readdirSync(DIST, { recursive: true, withFileTypes: true });
  for (const { name, path, parentPath } of entries.filter((entry) => entry.isFile())) {
    const file = join(parentPath ?? path, name);
    const content = readFileSync(file);
    const brotli = brotliCompressSync(content);
    found.set(relative(DIST, file).split(sep).join("/"), {
      bytes: content.length,
      compressed: brotli.length,
    });
    if (name.endsWith(".html")) continue;
    writeFileSync(`${file}.br`, brotli);
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  }
  return found;
}

function report() {
  for (const [name, { bytes, compressed }] of sizes) {
    console.log(`${String(bytes).padStart(8)} ${String(compressed).padStart(7)}  ${name}`);
  }
  const session = loadedBy("session");
  keepBudget(
    "the page of a sign-in",
    ["session.html", assets.icon.slice(1), ...session],
    SESSION_BUDGET_BYTES,
  );
  keepBudget("dist/", [...sizes.keys()], BUDGET_BYTES);
}

function keepBudget(what, files, budget) {
  const total = files.reduce((sum, file) => sum + sizes.get(file).compressed, 0);
  console.log(`${String(total).padStart(16)}  ${what}, compressed, of ${budget}`);
  if (total > budget) throw new Error(`${what} is larger than its budget`);
}

/** What a page's script can load, now or later. */
function loadedBy(page) {
  const found = new Set();
  const follow = (path) => {
    if (found.has(path)) return;
    found.add(path);
    const { imports, cssBundle } = metafile.outputs[path];
    for (const { path: imported } of imports) if (imported in metafile.outputs) follow(imported);
    if (cssBundle) follow(cssBundle);
  };
  const isEntry = ([, { entryPoint }]) => entryPoint === `src/pages/${page}.ts`;
  follow(Object.entries(metafile.outputs).find(isEntry)[0]);
  return [...found].map((path) => path.replace(/^dist\//, ""));
}

function read(path) {
  return readFileSync(join(HERE, path), "utf8");
}
