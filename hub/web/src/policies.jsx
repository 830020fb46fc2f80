import { useState } from 'preact/hooks';
import * as hub from './ask.js';
import { Head, Trouble, useAnswer } from './parts.jsx';
import { number, t, word } from './text.js';

function Reach({ row }) {
    const whole = row.of > 0 ? Math.round((100 * row.applied) / row.of) : 0;
    return (
        <>
            <progress max={Math.max(1, row.of)} value={row.applied} aria-label={t('policy.reach')}>{whole} %</progress>
            <span class="n"> {number(row.applied)}/{number(row.of)}</span>
            {row.refused > 0 && <strong class="warn"> {t('policy.refused', { n: row.refused })}</strong>}
        </>
    );
}

function Who({ policy }) {
    const { rows, error } = useAnswer(
        () => hub.ask('policy who', { policy: `${policy.kind}/${policy.name}`, scope: policy.scope, version: String(policy.version) }), [policy.id]);
    const missing = (rows ?? []).filter((r) => r.state !== 'applied');
    if (error || !rows)
        return error ? <Trouble error={error} /> : <p>{t('loading')}</p>;
    return missing.length === 0 ? <p>{t('policy.everybody')}</p> : (
        <ul class="who-list">{missing.slice(0, 200).map((r) => <li key={r.node}>{r.name} <small>{r.node}</small> {word('who', r.state)}{r.fault ? <span lang="en"> {r.fault}</span> : ''}</li>)}</ul>
    );
}

export function Policies() {
    const { rows, error, again } = useAnswer(() => hub.ask('policies', {}, false));
    const [shown, show] = useState(null);
    return (
        <>
            <Head title={t('view.policies')} again={again} />
            <Trouble error={error} />
            {!rows ? !error && <p>{t('loading')}</p> : rows.length === 0 ? <p>{t('none')}</p> : (
                <div class="wide" tabindex="0" role="region" aria-label={t('view.policies')}>
                    <table class="policies">
                        <thead><tr>{['kind', 'name', 'scope', 'version', 'from', 'to', 'state', 'reach', 'who'].map((k) => <th key={k} scope="col">{t(`policy.${k}`)}</th>)}</tr></thead>
                        <tbody>{rows.map((r) => {
                            const key = `${r.id}`;
                            return [
                                <tr key={key}>
                                    <td>{word('kind', r.kind)}</td><th scope="row">{r.name}</th><td>{r.scope || t('policy.city')}</td><td class="n">{r.version}</td>
                                    <td>{r.from || '—'}</td><td>{r.to || '—'}</td><td>{word('pstate', r.state)}</td><td class="reach"><Reach row={r} /></td>
                                    <td><button type="button" class="quiet" aria-expanded={shown === key} aria-label={`${t('policy.who')}: ${r.kind}/${r.name}`} onClick={() => show(shown === key ? null : key)}>{number(r.of - r.applied)}</button></td>
                                </tr>,
                                shown === key && <tr key={`${key}who`}><td colspan="9"><Who policy={r} /></td></tr>,
                            ];
                        })}</tbody>
                    </table>
                </div>
            )}
        </>
    );
}
