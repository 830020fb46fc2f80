// Makes the page: `node build.mjs FOLDER`. Beside each file lies its gzip form, which is what the hub sends. Two that make it at once do not mix.
import { build } from 'esbuild';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const to = process.argv[2];
if (!to) {
    console.error('node build.mjs FOLDER');
    process.exit(64);
}
mkdirSync(dirname(to), { recursive: true });
const out = mkdtempSync(`${to}.`);
chmodSync(out, 0o755);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));
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
rmSync(to, { recursive: true, force: true });
try {
    renameSync(out, to);
} catch (e) {
    if (e.code !== 'ENOTEMPTY' && e.code !== 'EEXIST') // another one was quicker, with the same
        throw e;
}
