import { useState } from 'preact/hooks';
import * as hub from './ask.js';
import { order, useStore } from './store.js';
import { Head, Trouble, useAnswer } from './parts.jsx';
import { moment, t, word } from './text.js';

const PAGE = 100;
const decided = (row) => row.held_for === 'discarded'; // it stays in the list, and may be tried again after all
const named = (row) => ({ node: String(row.node), seq: String(row.seq), incarnation: row.incarnation });
const key = (r) => `${r.node} ${r.incarnation} ${r.seq}`;

/* What one office has held for one reason, when it is more than one change. */
function groups(rows) {
    const all = new Map();
    for (const r of rows) {
        if (r.held_for === null || decided(r)) continue;
        const id = `${r.node} ${r.held_for}`;
        all.set(id, { id, node: r.node, held_for: r.held_for, reason: r.reason, n: (all.get(id)?.n ?? 0) + 1 });
    }
    return [...all.values()].filter((g) => g.n > 1);
}

function Discard({ done, cancel }) {
    const [reason, setReason] = useState('');
    const said = (e) => {
        e.preventDefault();
        done(reason.trim());
    };
    return (
        <form onSubmit={said} class="reason">
            <label>{t('discard.why')} <input required maxlength="200" autofocus value={reason} onInput={(e) => setReason(e.currentTarget.value)} /></label>
            <button type="submit" class="danger">{t('discard.sure')}</button>
            <button type="button" class="quiet" onClick={cancel}>{t('cancel')}</button>
        </form>
    );
}

/* Of one change what one must know to decide: no values, and not who did it. */
function Details({ row }) {
    const { rows: said, error } = useAnswer(() => hub.ask('quarantine show', named(row)), [key(row)]);
    if (!said)
        return error ? <Trouble error={error} /> : <p>{t('loading')}</p>;
    const lines = {
        means: said.means,
        next: said.next,
        fields: said.operations?.map((o) => o.replace(/^\w+/, (what) => word('op', what))).join(', '),
        record: said.record && word('record', said.record),
        offices: said.offices?.join(', '),
        saved: said.saved_ms && moment(said.saved_ms),
        proof: said.proof && word('proof', said.proof),
    };
    return (
        <dl class="details">
            {Object.entries(lines).filter(([, text]) => text).map(([what, text]) => [<dt key={what}>{t(`held.${what}`)}</dt>, <dd key={`${what}=`}>{text}</dd>])}
        </dl>
    );
}

export function Quarantine() {
    const { account, nodes, status } = useStore((s) => [s.account, s.nodes, s.status?.held]);
    // What was decided is carried out a moment later: then there are more of them, or fewer.
    const { rows, error, again } = useAnswer(() => hub.ask('quarantine list', {}, false), [status?.held]);
    const [most, setMost] = useState(PAGE);
    const [asked, ask] = useState(null); // whose reason is being asked for
    const [open, setOpen] = useState(null); // whose details are shown
    const [said, say] = useState(null);
    const [wrong, setWrong] = useState(null);

    async function decide(cmd, args, words, of) {
        setWrong(null);
        try {
            const done = await order(cmd, args);
            say(t(words, { ...of, ...done }));
            ask(null);
        } catch (e) {
            setWrong(e);
        }
        again();
    }
    const office = (node) => `${nodes.get(node)?.name ?? ''} (${node})`;
    const columns = account ? 6 : 5;
    const many = (g) => ({ node: String(g.node), 'held-for': g.held_for });
    return (
        <>
            <Head title={t('view.quarantine')} again={again} />
            <p class="hint">{t('held.intro')} {!account && <a href="#/login">{t('held.login')}</a>}</p>
            <p role="status" class="done">{said}</p>
            <Trouble error={wrong ?? error} />
            {account && rows && (
                <ul class="groups">{groups(rows).map((g) => (
                    <li key={g.id} class="do">
                        {t('held.group', { office: office(g.node), n: g.n, reason: word('reason', g.reason) })}{' '}
                        <button type="button" onClick={() => decide('quarantine retry', many(g), 'held.all.retried', g)}>{t('retry.all', g)}</button>
                        <button type="button" class="danger" onClick={() => ask(g.id)}>{t('discard.all', g)}</button>
                        {asked === g.id && <Discard done={(reason) => decide('quarantine discard', { ...many(g), reason }, 'held.all.discarded', g)} cancel={() => ask(null)} />}
                    </li>
                ))}</ul>
            )}
            {!rows ? !error && <p>{t('loading')}</p> : rows.length === 0 ? <p>{t('held.none')}</p> : (
                <div class="wide" tabindex="0" role="region" aria-label={t('view.quarantine')}>
                    <table>
                        <thead><tr>{['node', 'seq', 'reason', 'record', 'received'].map((k) => <th key={k} scope="col">{t(`held.${k}`)}</th>)}{account && <th scope="col">{t('held.do')}</th>}</tr></thead>
                        <tbody>{rows.slice(0, most).map((r) => [
                            <tr key={key(r)}>
                                <th scope="row">{office(r.node)}</th><td class="n">{r.seq}</td><td>
                                    {word('reason', r.reason)}{' '}
                                    <button type="button" class="quiet" aria-expanded={open === key(r)} aria-label={`${t('held.explain')} ${r.node}/${r.seq}`} onClick={() => setOpen(open === key(r) ? null : key(r))}>{t('held.explain')}</button>
                                </td>
                                <td>{r.type} <small class="id">{r.id}</small></td><td>{moment(r.received_ms)}</td>
                                {account && (
                                    <td class="do">
                                        <button type="button" aria-label={`${t('retry')} ${r.node}/${r.seq}`} onClick={() => decide('quarantine retry', named(r), 'held.retried', r)}>{t('retry')}</button>
                                        {!decided(r) && <button type="button" class="danger" aria-label={`${t('discard')} ${r.node}/${r.seq}`} onClick={() => ask(key(r))}>{t('discard')}</button>}
                                    </td>
                                )}
                            </tr>,
                            open === key(r) && <tr key={`${key(r)}!`}><td colspan={columns}><Details row={r} /></td></tr>,
                            asked === key(r) && account && (
                                <tr key={`${key(r)}?`}><td colspan={columns}>
                                    <Discard done={(reason) => decide('quarantine discard', { ...named(r), reason }, 'held.discarded', r)} cancel={() => ask(null)} />
                                </td></tr>
                            ),
                        ])}</tbody>
                    </table>
                    {rows.length > most && <button type="button" onClick={() => setMost(most + PAGE)}>{t('more', { n: rows.length - most })}</button>}
                </div>
            )}
        </>
    );
}
