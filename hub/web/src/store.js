// What the page knows, and who wants to hear that it changed.
import { useEffect, useRef, useState } from 'preact/hooks';
import * as hub from './ask.js';
import { connect } from './live.js';
import { lang } from './text.js';

const STALE_MS = 12000; // the hub says something every two seconds
export const state = { status: null, heard: 0, line: 'wait', nodes: new Map(), nodesKnown: false, trend: [], account: null, accounts: true };
const hearers = new Set();

export function changed() {
    for (const hear of hearers)
        hear();
}

// Who uses it is drawn again when one of the values that it picks is another, or the language.
export function useStore(pick) {
    const [, again] = useState({});
    const drawn = useRef(null);
    drawn.current = [lang(), ...pick(state)];
    useEffect(() => {
        const hear = () => [lang(), ...pick(state)].some((value, i) => value !== drawn.current[i]) && again({});
        hearers.add(hear);
        hear(); // what came between drawing and this
        return () => hearers.delete(hear);
    }, []);
    return state;
}

// For what shows ages, which grow by themselves.
export function useEvery(ms) {
    const [, again] = useState({});
    useEffect(() => {
        const timer = setInterval(() => again({}), ms);
        return () => clearInterval(timer);
    }, []);
}

function takeNodes(rows, at) {
    const nodes = new Map(state.nodes);
    for (const row of rows)
        nodes.set(row.node, { ...row, seen_at: row.last_seen_ms === null || row.last_seen_ms === undefined ? null : at - row.last_seen_ms });
    state.nodes = nodes;
}

// All of them once; from then on the hub says which rows changed.
export async function loadNodes() {
    takeNodes(await hub.ask('nodes', {}, false), Date.now());
    state.nodesKnown = true;
    changed();
}

export async function loadSession() {
    const said = await hub.session();
    state.account = said.account;
    state.accounts = said.accounts;
    changed();
}

// What was refused because the session is over makes the page say so.
export async function order(cmd, args) {
    try {
        return await hub.ask(cmd, args);
    } catch (e) {
        if (e.code === 'denied')
            await loadSession().catch(() => {});
        throw e;
    }
}

function hear({ event, data }) {
    if (event === 'line') {
        state.line = data === 'open' && state.heard === 0 ? 'wait' : data;
        loadNodes().catch(() => {}); // after we are listened for, so that no change falls between
    } else {
        state.heard = Date.now();
        state.line = 'open';
    }
    if (event === 'status')
        state.status = data;
    else if (event === 'nodes' && state.nodesKnown)
        takeNodes(data, Date.now());
    else if (event === 'trend')
        state.trend = [...state.trend.slice(-8640), data];
    changed();
}

export function begin() {
    connect(hear);
    loadSession().catch(() => {});
    // A line that is silent is down, whatever the browser believes.
    setInterval(() => {
        if (state.line !== 'open' || Date.now() - state.heard <= STALE_MS)
            return;
        state.line = 'down';
        changed();
    }, 1000);
}
