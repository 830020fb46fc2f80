import { useState } from 'preact/hooks';
import * as hub from './ask.js';
import { useStore } from './store.js';
import { Head, Trouble, useAnswer } from './parts.jsx';
import { moment, t } from './text.js';

const PAGE = 50;

function Sides({ row, name }) {
    const last = Math.max(...row.sides.map((s) => s.at_ms));
    return (
        <article class="conflict">
            <h2>{row.type} · {row.field} <small class="id">{row.id}</small></h2>
            <div class="sides">
                {row.sides.map((s, i) => (
                    <section key={`${s.node}-${s.at_ms}`} class={s.at_ms === last ? 'shown' : ''}>
                        <h3>{t('conflict.side', { n: i + 1 })}{s.at_ms === last && <em> {t('conflict.shown')}</em>}</h3>
                        <p>{name(s.node)}</p>
                        <p>{t('conflict.at')} {moment(s.at_ms)}</p>
                    </section>
                ))}
            </div>
        </article>
    );
}

export function Conflicts() {
    const { nodes } = useStore((s) => [s.nodes]);
    const { rows, error, again } = useAnswer(() => hub.ask('conflicts', {}, false));
    const [most, setMost] = useState(PAGE);
    const name = (n) => (n === 0 ? t('conflict.hub') : `${nodes.get(n)?.name ?? ''} (${n})`);
    return (
        <>
            <Head title={t('view.conflicts')} again={again} />
            <p class="hint">{t('conflict.intro')}</p>
            <Trouble error={error} />
            {!rows ? !error && <p>{t('loading')}</p> : rows.length === 0 ? <p>{t('conflict.none')}</p> : (
                <>
                    {rows.slice(0, most).map((r) => <Sides key={`${r.type}${r.id}${r.field}`} row={r} name={name} />)}
                    {rows.length > most && <button type="button" onClick={() => setMost(most + PAGE)}>{t('more', { n: rows.length - most })}</button>}
                </>
            )}
        </>
    );
}
