import * as hub from './ask.js';
import { useStore } from './store.js';
import { Head, Mark, Trouble, useAnswer } from './parts.jsx';
import { bytes, clock, number, span, t, word } from './text.js';

const Card = ({ label, value, tone, to }) => (
    <div class={`card ${tone ?? ''}`}>
        <dt>{to ? <a href={to}>{label}</a> : label}</dt>
        <dd>{tone && <Mark tone={tone} />} {value}</dd>
    </div>
);

const Group = ({ title, children }) => (
    <section>
        <h2>{title}</h2>
        <dl class="cards">{children}</dl>
    </section>
);

const bad = (n) => (n > 0 ? 'bad' : null);

const tones = { ok: 'good', warning: 'wait', critical: 'bad' };

// In the reader's language, from the table that `status` and `check` have too; asked for again when there are others.
function Problems({ found }) {
    const { rows, error } = useAnswer(() => (found.length ? hub.ask('problems', {}, false) : Promise.resolve([])), [found.join('\n')]);
    const worst = !rows || rows.some((r) => r.severity === 'critical') ? 'bad' : 'wait';
    if (found.length === 0)
        return <section class="verdict good"><h2><Mark tone="good" /> {t('fine')}</h2><p>{t('fine.text')}</p></section>;
    return (
        <section class={`verdict ${worst}`}>
            <h2><Mark tone={worst} /> {t('problems', { n: found.length })}</h2>
            <Trouble error={error} />
            <ul>{(rows ?? []).map((r) => (
                <li key={r.code + r.text}><span class={`state ${tones[r.severity]}`}><Mark tone={tones[r.severity]} /> {word('severity', r.severity)}</span> {r.text}<br /><span class="next">→ {r.next}</span></li>
            ))}</ul>
        </section>
    );
}

export function Status() {
    const { status: s } = useStore((s) => [s.status]);
    if (!s)
        return <><Head title={t('view.status')} /><p>{t('loading')}</p></>;
    return (
        <>
            <Head title={t('view.status')}><span class="as-of">{t('as.of', { at: clock(s.as_of_ms) })}</span></Head>
            <Problems found={s.problems} />
            <Group title={t('group.offices')}>
                <Card label={t('card.offices')} value={number(s.nodes)} to="#/nodes" />
                <Card label={t('card.online')} value={number(s.online)} tone={s.online > 0 ? 'good' : null} />
                <Card label={t('card.stale')} value={number(s.stale)} tone={bad(s.stale)} />
                <Card label={t('card.unknown')} value={number(s.unknown)} tone={s.unknown > 0 ? 'wait' : null} />
                <Card label={t('card.offline')} value={number(s.offline)} tone={bad(s.offline)} />
                <Card label={t('card.other')} value={number(s.paused_or_revoked)} tone={s.paused_or_revoked > 0 ? 'wait' : null} />
                <Card label={t('card.retired')} value={number(s.retired)} />
                <Card label={t('card.update')} value={number(s.update_needed)} tone={bad(s.update_needed)} />
            </Group>
            <Group title={t('group.data')}>
                <Card label={t('card.records')} value={number(s.records)} />
                <Card label={t('card.received')} value={number(s.received)} />
                <Card label={t('card.unsent')} value={number(s.unsent)} to="#/trend" />
                <Card label={t('card.merge')} value={number(s.merge_backlog)} to="#/trend" />
                <Card label={t('card.conflicts')} value={number(s.conflicts)} tone={s.conflicts > 0 ? 'wait' : null} to="#/conflicts" />
                <Card label={t('card.held')} value={number(s.held)} tone={bad(s.held)} to="#/quarantine" />
                <Card label={t('card.erasures')} value={number(s.erasures_open)} />
            </Group>
            <Group title={t('group.hub')}>
                <Card label={t('card.disk')} value={bytes(s.disk_free_bytes)} />
                <Card label={t('card.backup')} value={s.backup_age_ms === null ? t('card.backup.none') : span(s.backup_age_ms)} tone={s.backup_age_ms === null ? 'wait' : null} />
                <Card label={t('card.up')} value={span(s.up_ms)} />
                <Card label={t('card.refused')} value={number(s.handshakes_refused)} />
            </Group>
        </>
    );
}
