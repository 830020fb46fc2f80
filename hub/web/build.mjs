// Makes the page: `node build.mjs FOLDER`. Beside each file lies its gzip form, which is what the hub sends.
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const out = process.argv[2];
if (!out) {
    console.error('node build.mjs FOLDER');
    process.exit(64);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const here = (name) => new URL(name, import.meta.url).pathname;
const common = { bundle: true, minify: true, target: 'chrome80', outdir: out, legalComments: 'none', logLevel: 'warning', charset: 'utf8' };
await build({
    ...common,
    entryPoints: { app: here('src/app.jsx'), style: here('src/style.css') },
    format: 'esm',
    splitting: true,
    chunkNames: 'part-[name]-[hash]',
    jsx: 'automatic',
    jsxImportSource: 'preact',
});
await build({ ...common, entryPoints: { worker: here('src/worker.js') }, format: 'iife' });
copyFileSync(here('src/index.html'), join(out, 'index.html'));
for (const name of readdirSync(out))
    writeFileSync(join(out, `${name}.gz`), gzipSync(readFileSync(join(out, name)), { level: 9 }));
