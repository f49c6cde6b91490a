// SPDX-License-Identifier: Apache-2.0
// Bundles the page into dist/: index.html and assets/ with hashed names, each beside its .gz and
// .br. Hashed files may be cached for ever, index.html never. dist/ is replaced as a whole at the
// end.
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const fresh = join(here, "dist.new");

rmSync(fresh, { recursive: true, force: true });
mkdirSync(join(fresh, "assets"), { recursive: true });

const result = await build({
  entryPoints: [join(here, "src/main.tsx")],
  outdir: join(fresh, "assets"),
  entryNames: "guest-[hash]",
  bundle: true,
  format: "esm",
  target: ["chrome100", "firefox110", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
const made = Object.keys(result.metafile.outputs).map((f) => basename(f));

const icon = readFileSync(join(here, "public/icon.svg"));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
writeFileSync(join(fresh, "assets", iconName), icon);

const names = {
  "@SCRIPT@": made.find((f) => f.endsWith(".js")),
  "@STYLE@": made.find((f) => f.endsWith(".css")),
  "@ICON@": iconName,
};
const html = readFileSync(join(here, "public/index.html"), "utf8").replace(
  /@[A-Z]+@/g,
  (word) => names[word],
);
writeFileSync(join(fresh, "index.html"), html);

for (const dir of [fresh, join(fresh, "assets")]) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(dir, entry.name);
    const bytes = readFileSync(file);
    const gz = gzipSync(bytes, { level: 9 });
    const br = brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    });
    writeFileSync(`${file}.gz`, gz);
    writeFileSync(`${file}.br`, br);
    console.log(
      `${entry.name.padEnd(26)} ${String(bytes.length).padStart(7)} B, gz ${gz.length}, br ${br.length}`,
    );
  }
}

rmSync(dist, { recursive: true, force: true });
try {
  renameSync(fresh, dist);
} catch {
  cpSync(fresh, dist, { recursive: true });
  rmSync(fresh, { recursive: true, force: true });
}
