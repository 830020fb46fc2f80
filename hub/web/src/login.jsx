import { useState } from 'preact/hooks';
import * as hub from './ask.js';
import { loadSession, useStore } from './store.js';
import { Head, why } from './parts.jsx';
import { t } from './text.js';

function words(e) {
    if (e.code === 'not_found')
        return t('login.wrong');
    if (e.code === 'too_often')
        return t('login.often', { n: 15 });
    return e.code === 'busy' ? t('login.busy') : t('failed', { why: why(e) });
}

export function Login() {
    const { accounts } = useStore((s) => [s.accounts]);
    const [wrong, setWrong] = useState('');
    const [busy, setBusy] = useState(false);
    async function submit(e) {
        e.preventDefault();
        const form = new FormData(e.currentTarget);
        setBusy(true);
        setWrong('');
        try {
            await hub.login(form.get('name'), form.get('password'));
            await loadSession();
            location.hash = '#/quarantine';
        } catch (error) {
            setWrong(words(error));
        }
        setBusy(false);
    }
    return (
        <>
            <Head title={t('view.login')} />
            <p class="hint">{t('login.why')}</p>
            {!accounts && <p>{t('login.none')} <code>anjuctl -s hub account add NAME</code></p>}
            <form class="login" onSubmit={submit}>
                <label>{t('name')} <input name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required maxlength="32" /></label>
                <label>{t('password')} <input name="password" type="password" autocomplete="current-password" required maxlength="256" /></label>
                <button type="submit" disabled={busy}>{t('login')}</button>
                <p role="alert" class="trouble">{wrong}</p>
            </form>
        </>
    );
}
