import { useEffect, useRef, useState } from 'preact/hooks';
import * as hub from './ask.js';
import { useStore } from './store.js';
import { Head, Trouble, useAnswer } from './parts.jsx';
import { lang, moment, number, t } from './text.js';

// What is counted has no halves.
const whole = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).reduce((all, some) => [...all, ...some], []);

// Lines differ in their dashes too, not in colour alone.
const plots = () => [
    { title: t('trend.backlog'), lines: [{ key: 'offices_backlog', label: t('trend.offices'), stroke: '#0b57a4' }, { key: 'merge_backlog', label: t('trend.merge'), stroke: '#a33b00', dash: [8, 4] }] },
    { title: t('trend.lag'), lines: [{ key: 'oldest_ms', label: t('trend.lag'), stroke: '#0b57a4', scale: 0.001 }] },
    { title: t('trend.online'), lines: [{ key: 'online', label: t('trend.online'), stroke: '#1b6e2c' }] },
];

function Plot({ Uplot, plot, rows }) {
    const place = useRef(null);
    useEffect(() => {
        const box = place.current;
        const data = [rows.map((r) => r.at_ms / 1000), ...plot.lines.map((l) => rows.map((r) => (r[l.key] === null ? null : r[l.key] * (l.scale ?? 1))))];
        const short = rows.length > 0 && rows[rows.length - 1].at_ms - rows[0].at_ms < 600000;
        const time = (s) => new Date(s * 1000).toTimeString().slice(0, short ? 8 : 5);
        const chart = new Uplot({
            width: box.clientWidth, height: 190, cursor: { drag: { x: false, y: false } },
            scales: { y: { range: (u, least, most) => [0, Math.max(1, most * 1.1)] } },
            series: [{ value: (u, v) => (v === null ? '—' : moment(v * 1000)) }, ...plot.lines.map((l) => ({ label: l.label, stroke: l.stroke, dash: l.dash, width: 2, spanGaps: false, value: (u, v) => number(v === null ? null : Math.round(v)) }))],
            axes: [{ values: (u, all) => all.map(time) }, { values: (u, all) => all.map((v) => number(v)), size: 70, incrs: whole }],
        }, data, box);
        const resize = () => chart.setSize({ width: box.clientWidth, height: 190 });
        addEventListener('resize', resize);
        return () => {
            removeEventListener('resize', resize);
            chart.destroy();
        };
    }, [Uplot, rows, plot.title]);
    return <figure><figcaption>{plot.title}</figcaption><div ref={place} class="plot" role="img" aria-label={plot.title} /></figure>;
}

export function Trend() {
    const { trend } = useStore((s) => [s.trend]);
    const { rows: past, error, again } = useAnswer(() => hub.ask('trend', {}, false));
    const [Uplot, set] = useState(null);
    useEffect(() => { import('uplot').then((m) => set(() => m.default)); }, []);
    const from = past && past.length ? past[past.length - 1].at_ms : 0;
    const rows = [...(past ?? []), ...trend.filter((r) => r.at_ms > from)];
    const latest = rows.slice(-8).reverse();
    return (
        <>
            <Head title={t('view.trend')} again={again} />
            <Trouble error={error} />
            {rows.length === 0 ? <p>{past ? t('trend.none') : t('loading')}</p> : Uplot && plots().map((p) => <Plot key={p.title + lang()} Uplot={Uplot} plot={p} rows={rows} />)}
            {latest.length > 0 && (
                <details>
                    <summary>{t('trend.table')}</summary>
                    <table>
                        <thead><tr><th scope="col">{t('time')}</th><th scope="col">{t('trend.offices')}</th><th scope="col">{t('trend.merge')}</th><th scope="col">{t('trend.lag')}</th><th scope="col">{t('trend.online')}</th></tr></thead>
                        <tbody>{latest.map((r) => (
                            <tr key={r.at_ms}><th scope="row">{moment(r.at_ms)}</th><td class="n">{number(r.offices_backlog)}</td><td class="n">{number(r.merge_backlog)}</td><td class="n">{number(Math.round(r.oldest_ms / 1000))}</td><td class="n">{number(r.online)}</td></tr>
                        ))}</tbody>
                    </table>
                </details>
            )}
        </>
    );
}
