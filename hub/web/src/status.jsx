import { useStore } from './store.js';
import { Head, Mark } from './parts.jsx';
import { bytes, clock, number, span, t } from './text.js';

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

export function Status() {
    const { status: s } = useStore();
    if (!s)
        return <><Head title={t('view.status')} /><p>{t('loading')}</p></>;
    return (
        <>
            <Head title={t('view.status')}><span class="as-of">{t('as.of', { at: clock(s.as_of_ms) })}</span></Head>
            <section class={`verdict ${s.problems.length ? 'bad' : 'good'}`}>
                <h2><Mark tone={s.problems.length ? 'bad' : 'good'} /> {s.problems.length ? t('problems', { n: s.problems.length }) : t('fine')}</h2>
                {s.problems.length ? <ul>{s.problems.map((p) => <li key={p} lang="en">{p}</li>)}</ul> : <p>{t('fine.text')}</p>}
            </section>
            <Group title={t('group.offices')}>
                <Card label={t('card.offices')} value={number(s.nodes)} to="#/nodes" />
                <Card label={t('card.online')} value={number(s.online)} tone={s.online > 0 ? 'good' : null} />
                <Card label={t('card.offline')} value={number(s.offline)} tone={bad(s.offline)} />
                <Card label={t('card.other')} value={number(s.paused_or_revoked)} tone={s.paused_or_revoked > 0 ? 'wait' : null} />
                <Card label={t('card.retired')} value={number(s.retired)} />
                <Card label={t('card.update')} value={number(s.update_needed)} tone={bad(s.update_needed)} />
            </Group>
            <Group title={t('group.data')}>
                <Card label={t('card.records')} value={number(s.records)} />
                <Card label={t('card.received')} value={number(s.received)} />
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
