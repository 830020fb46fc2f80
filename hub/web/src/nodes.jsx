import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useEvery, useStore } from './store.js';
import { Head, State, tone } from './parts.jsx';
import { bytes, number, span, t, word } from './text.js';

const ROW = 34; // px, as in style.css
const AGES_MS = 10000;
const OVER = 12; // rows drawn above and below what is seen

const columns = [
    { key: 'node', number: true, show: (r) => r.node },
    { key: 'name', show: (r) => r.name },
    { key: 'areas', show: (r) => r.areas },
    { key: 'state', show: (r) => <State of={r.state} /> },
    { key: 'last_seen_ms', number: true, value: (r, now) => (r.seen_at === null ? Infinity : now - r.seen_at), show: (r, now) => (r.seen_at === null ? t('never') : t('ago', { span: span(Math.max(0, now - r.seen_at)) })) },
    { key: 'backlog', number: true, show: (r) => <Reported row={r}>{number(r.backlog)}</Reported> },
    { key: 'oldest_ms', number: true, show: (r) => <Reported row={r}>{r.backlog ? span(r.oldest_ms) : '—'}</Reported> },
    { key: 'held', number: true, show: (r) => number(r.held) },
    { key: 'software', show: (r) => <><span title={r.software ?? undefined}>{r.software ? r.software.replace(/^anju-node (\S+).*/, '$1') : '—'}</span>{r.update_needed && <strong class="warn"> {t('node.update')}</strong>}</> },
    { key: 'disk_free_bytes', number: true, show: (r) => bytes(r.disk_free_bytes) },
];

// What an office that is away had when it last spoke.
const Reported = ({ row, children }) => (
    tone(row.state) === 'good' || row.backlog === null || row.backlog === undefined ? children : <span title={t('node.guess')}>{children}?</span>
);

function compare(a, b) {
    if (a === b)
        return 0;
    if (a === null || a === undefined)
        return -1;
    if (b === null || b === undefined)
        return 1;
    return typeof a === 'string' ? a.localeCompare(b, 'zh-CN') : a < b ? -1 : 1;
}

function usePrinting() {
    const [printing, set] = useState(false);
    useLayoutEffect(() => {
        const media = matchMedia('print');
        const look = () => set(media.matches);
        media.addListener(look);
        return () => media.removeListener(look);
    }, []);
    return printing;
}

export function Nodes() {
    const { nodes, nodesKnown } = useStore((s) => [s.nodes, s.nodesKnown]);
    useEvery(AGES_MS);
    const [sort, setSort] = useState({ key: 'node', down: false });
    const [text, setText] = useState('');
    const [state, setState] = useState('');
    const [top, setTop] = useState(0);
    const [height, setHeight] = useState(480);
    const composing = useRef(false);
    const box = useRef(null);
    const printing = usePrinting();
    const now = Date.now();

    const rows = useMemo(() => {
        const wanted = text.trim().toLowerCase();
        const column = columns.find((c) => c.key === sort.key);
        const value = column.value ?? ((r) => r[sort.key]);
        const found = [...nodes.values()].filter((r) => (
            (state === '' || r.state === state) &&
            (wanted === '' || String(r.node) === wanted || r.name.toLowerCase().includes(wanted) || r.areas.split(' ').some((a) => a.startsWith(wanted)))
        ));
        return found.sort((a, b) => (compare(value(a, now), value(b, now)) || a.node - b.node) * (sort.down ? -1 : 1));
    }, [nodes, text, state, sort]);
    const states = useMemo(() => [...new Set([...nodes.values()].map((r) => r.state))].sort(), [nodes]);

    useEffect(() => {
        const measure = () => box.current && setHeight(box.current.clientHeight);
        measure();
        addEventListener('resize', measure);
        return () => removeEventListener('resize', measure);
    }, []);
    useEffect(() => {
        if (box.current)
            box.current.scrollTop = 0;
        setTop(0);
    }, [text, state, sort]);

    const first = printing ? 0 : Math.max(0, Math.floor(top / ROW) - OVER);
    const last = printing ? rows.length : Math.min(rows.length, Math.ceil((top + height) / ROW) + OVER);
    const typed = (e) => composing.current || setText(e.currentTarget.value);
    return (
        <>
            <Head title={t('view.nodes')}><span class="as-of" role="status">{nodesKnown ? t('shown', { n: rows.length, all: nodes.size }) : t('loading')}</span></Head>
            <div class="tools">
                <label>{t('filter')} <input type="search" value={text} placeholder={t('filter.hint')} onInput={typed}
                    oncompositionstart={() => { composing.current = true; }}
                    oncompositionend={(e) => { composing.current = false; setText(e.currentTarget.value); }} /></label>
                <label>{t('filter.state')} <select value={state} onChange={(e) => setState(e.currentTarget.value)}>
                    <option value="">{t('filter.all')}</option>
                    {states.map((s) => <option key={s} value={s}>{word('state', s)}</option>)}
                </select></label>
            </div>
            <div class="window" ref={box} tabindex="0" role="region" aria-label={t('view.nodes')} onScroll={(e) => setTop(e.currentTarget.scrollTop)}>
                <table class="nodes" aria-rowcount={rows.length + 1}>
                    <thead>
                        <tr aria-rowindex="1">
                            {columns.map((c) => (
                                <th key={c.key} scope="col" class={`c-${c.key}`} aria-sort={sort.key === c.key ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                                    <button type="button" onClick={() => setSort({ key: c.key, down: sort.key === c.key && !sort.down })}>
                                        {t(`node.${c.key}`)}<span aria-hidden="true">{sort.key === c.key ? (sort.down ? ' ▼' : ' ▲') : ''}</span>
                                    </button>
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {first > 0 && <tr aria-hidden="true" class="space"><td colspan={columns.length} style={{ height: `${first * ROW}px` }} /></tr>}
                        {rows.slice(first, last).map((r, i) => ( // by place, not by node: a jump then changes words, not the table
                            <tr key={i} aria-rowindex={first + i + 2} class={tone(r.state)}>
                                {columns.map((c) => (
                                    c.key === 'name' ? <th key={c.key} scope="row" title={r.name}>{r.name}</th>
                                        : <td key={c.key} class={c.number ? 'n' : ''} title={c.key === 'areas' ? r.areas : undefined}>{c.show(r, now)}</td>
                                ))}
                            </tr>
                        ))}
                        {last < rows.length && <tr aria-hidden="true" class="space"><td colspan={columns.length} style={{ height: `${(rows.length - last) * ROW}px` }} /></tr>}
                    </tbody>
                </table>
            </div>
        </>
    );
}
