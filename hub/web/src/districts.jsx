import { useMemo, useRef, useState } from 'preact/hooks';
import * as hub from './ask.js';
import { useStore } from './store.js';
import { Head, Mark, State, tone, useAnswer } from './parts.jsx';
import { lang, t } from './text.js';

const LEVELS = [2, 4, 6, 9, 12]; // digits of a division's code

// 650299001000 is the street 650299001: its lower digits say nothing.
function canonical(code) {
    for (let i = LEVELS.length - 1; i > 0; i--)
        if (code.length === LEVELS[i] && /^0+$/.test(code.slice(LEVELS[i - 1])))
            code = code.slice(0, LEVELS[i - 1]);
    return code;
}

// Offices below their divisions, by the code: a division is there when an office serves it or one below it.
function plant(nodes, names) {
    const root = { code: '', children: new Map(), offices: [] };
    const at = (code) => {
        let here = root;
        for (const n of LEVELS) {
            if (n > code.length)
                break;
            const part = code.slice(0, n);
            if (!here.children.has(part))
                here.children.set(part, { code: part, children: new Map(), offices: [] });
            here = here.children.get(part);
        }
        return here;
    };
    for (const row of nodes.values())
        for (const code of row.areas.split(' ').filter(Boolean))
            at(canonical(code)).offices.push(row);
    // A division with nothing beside its only child is no step of its own.
    const shorten = (d) => {
        for (const [key, child] of d.children) {
            let c = child;
            while (c.children.size === 1 && c.offices.length === 0 && !names.has(c.code))
                c = [...c.children.values()][0];
            d.children.set(key, c);
            shorten(c);
        }
        d.counts = { good: 0, wait: 0, bad: 0, off: 0 };
        const seen = new Set();
        const count = (x) => {
            for (const o of x.offices)
                if (!seen.has(o.node)) {
                    seen.add(o.node);
                    d.counts[tone(o.state)]++;
                }
            x.children.forEach(count);
        };
        count(d);
        d.size = seen.size;
    };
    shorten(root);
    return root;
}

const worst = (c) => (c.bad ? 'bad' : c.wait ? 'wait' : c.good ? 'good' : 'off');

function Counts({ counts }) {
    const words = { good: 'state.online', wait: 'card.waiting', bad: 'state.offline', off: 'card.off' };
    return (
        <span class="counts">
            {['good', 'wait', 'bad', 'off'].filter((k) => counts[k] > 0).map((k) => (
                <span key={k} class={`state ${k}`}><Mark tone={k} /> {t(words[k])} {counts[k]}</span>
            ))}
        </span>
    );
}

export function Districts() {
    const { nodes } = useStore((s) => [s.nodes]);
    const { rows: areas } = useAnswer(() => hub.ask('areas', {}, false));
    const [folded, setFolded] = useState(new Map());
    const [focus, setFocus] = useState('');
    const tree = useRef(null);
    const names = useMemo(() => new Map((areas ?? []).map((a) => [canonical(a.code), lang() === 'en' && a.en ? a.en : a.zh])), [areas, lang()]);
    const root = useMemo(() => plant(nodes, names), [nodes, names]);

    const open = (d, depth) => folded.get(d.code) ?? (depth < 4 || root.size < 60);
    const fold = (d, depth, to) => setFolded(new Map(folded).set(d.code, to ?? !open(d, depth)));
    const lines = [];
    const walk = (d, depth) => {
        const inner = [...d.children.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
        lines.push({ key: d.code || 'city', d, depth, inner: inner.length + d.offices.length > 0 });
        if (!open(d, depth))
            return;
        inner.forEach((c) => walk(c, depth + 1));
        d.offices.forEach((o) => lines.push({ key: `${d.code}/${o.node}`, office: o, depth: depth + 1 }));
    };
    walk(root, 0);
    const focused = lines.some((l) => l.key === focus) ? focus : 'city';

    function go(to) {
        if (!to)
            return;
        setFocus(to.key);
        const item = tree.current.querySelector(`[data-key="${to.key}"]`);
        if (item)
            item.focus();
    }
    function pressed(e) {
        const i = lines.findIndex((l) => l.key === focused);
        const line = lines[i];
        const known = ['ArrowDown', 'ArrowUp', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'Enter', ' '];
        if (!known.includes(e.key))
            return;
        e.preventDefault();
        if (e.key === 'ArrowDown')
            go(lines[i + 1]);
        else if (e.key === 'ArrowUp')
            go(lines[i - 1]);
        else if (e.key === 'Home')
            go(lines[0]);
        else if (e.key === 'End')
            go(lines[lines.length - 1]);
        else if (e.key === 'ArrowRight' && line.d)
            open(line.d, line.depth) ? go(lines[i + 1]) : fold(line.d, line.depth, true);
        else if (e.key === 'ArrowLeft' && line.d && open(line.d, line.depth) && line.inner)
            fold(line.d, line.depth, false);
        else if (e.key === 'ArrowLeft')
            go(lines.slice(0, i).reverse().find((l) => l.depth < line.depth));
        else if (line.d)
            fold(line.d, line.depth);
    }
    const item = (line, children) => (
        <li key={line.key} data-key={line.key} role="treeitem" aria-level={line.depth + 1} aria-expanded={line.d && line.inner ? open(line.d, line.depth) : undefined}
            aria-selected={line.key === focused} tabindex={line.key === focused ? 0 : -1} style={{ paddingLeft: `${line.depth * 22 + 8}px` }}
            onClick={() => { setFocus(line.key); line.d && fold(line.d, line.depth); }}>
            {children}
        </li>
    );
    return (
        <>
            <Head title={t('view.districts')} />
            <p class="hint">{t('district.hint')}</p>
            {root.size === 0 ? <p>{t('district.none')}</p> : (
                <ul class="tree" role="tree" aria-label={t('view.districts')} ref={tree} onKeyDown={pressed}>
                    {lines.map((line) => (line.office
                        ? item(line, <><span class="twist" /><span class="who">{line.office.name}</span><State of={line.office.state} /></>)
                        : item(line, <>
                            <span class="twist" aria-hidden="true">{line.inner ? (open(line.d, line.depth) ? '▾' : '▸') : ''}</span>
                            <Mark tone={worst(line.d.counts)} />
                            <span class="who">{line.d.code === '' ? t('district.city') : names.get(line.d.code) ?? line.d.code}{names.has(line.d.code) && <small> {line.d.code}</small>}</span>
                            <span class="size">{t('district.offices', { n: line.d.size })}</span>
                            <Counts counts={line.d.counts} />
                        </>)))}
                </ul>
            )}
        </>
    );
}
