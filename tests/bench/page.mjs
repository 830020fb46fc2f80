// What an open page costs while nothing happens: node page.mjs PAGE SECONDS HUB_PID; run from tests/pages, which has playwright-core. Prints percent of
// a core: of the tab's process, of the whole browser, of the hub.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const [page, seconds, hub] = process.argv.slice(2);
const second = 1 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

// Of a process: who made it, its time so far, its words. Null: it has ended.
function look(pid) {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
        return { parent: Number(stat[1]), time: (Number(stat[11]) + Number(stat[12])) * second, words: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
    } catch {
        return null;
    }
}
// All processes that this one began, and theirs.
function browser() {
    const all = new Map();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)) {
        const what = look(pid);
        if (what !== null)
            all.set(pid, what);
    }
    const mine = (pid) => pid === process.pid || (all.has(pid) && mine(all.get(pid).parent));
    return [...all].filter(([pid, what]) => pid !== process.pid && mine(what.parent)).map(([, what]) => what);
}
function times() {
    const all = browser();
    const sum = (some) => some.reduce((n, what) => n + what.time, 0);
    return [sum(all.filter((what) => what.words.includes('--type=renderer'))), sum(all), look(hub).time];
}
const wait = (ms) => new Promise((go) => setTimeout(go, ms));

const chrome = await chromium.launch({ executablePath: '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
try {
    const tab = await chrome.newPage();
    await tab.goto(page);
    await tab.waitForFunction(() => document.querySelector('h1') !== null && !/正在读取|Loading/.test(document.querySelector('main').innerText));
    await wait(5000); // what it does at its start is not what it costs
    const before = times();
    await wait(Number(seconds) * 1000);
    const after = times();
    console.log(after.map((time, i) => (((time - before[i]) * 100) / Number(seconds)).toFixed(2)).join(' '));
} finally {
    await chrome.close();
}
