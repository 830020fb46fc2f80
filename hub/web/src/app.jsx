// The hub's page: views by the address behind #, one dictionary, one connection for what is live.
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import * as hub from './ask.js';
import { Conflicts } from './conflicts.jsx';
import { Districts } from './districts.jsx';
import { Login } from './login.jsx';
import { Nodes } from './nodes.jsx';
import { Policies } from './policies.jsx';
import { Mark } from './parts.jsx';
import { Quarantine } from './quarantine.jsx';
import { Status } from './status.jsx';
import { begin, changed, loadSession, useStore } from './store.js';
import { clock, firstLanguage, lang, speak, t } from './text.js';
import { Trend } from './trend.jsx';

const views = { status: Status, nodes: Nodes, districts: Districts, trend: Trend, policies: Policies, conflicts: Conflicts, quarantine: Quarantine, login: Login };
const here = () => {
    const name = location.hash.replace(/^#\//, '');
    return views[name] ? name : 'status';
};

function Line() {
    const { line, heard } = useStore((s) => [s.line, s.line === 'down' && s.heard]);
    if (line === 'down')
        return <p class="line down" role="alert"><Mark tone="bad" /> {t('line.down', { at: clock(heard) })}</p>;
    return <p class="line"><Mark tone={line === 'open' ? 'good' : 'wait'} /> {t(`line.${line}`)}</p>;
}

function App() {
    const { account, status } = useStore((s) => [s.account, s.status?.conflicts, s.status?.held]);
    const [view, setView] = useState(here());
    useEffect(() => {
        const moved = () => {
            setView(here());
            const head = document.querySelector('h1');
            if (head)
                head.focus();
        };
        addEventListener('hashchange', moved);
        return () => removeEventListener('hashchange', moved);
    }, []);
    const View = views[view];
    const other = lang() === 'zh' ? 'en' : 'zh';
    const out = () => hub.logout().catch(() => {}).then(loadSession).catch(() => {});
    const counts = { conflicts: status?.conflicts, quarantine: status?.held };
    return (
        <>
            <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.querySelector('h1').focus(); }}>{t('skip')}</a>
            <header>
                <div class="bar">
                <strong class="brand">{t('brand')}</strong>
                <nav aria-label={t('nav.label')}>
                    {Object.keys(views).filter((v) => v !== 'login').map((v) => (
                        <a key={v} href={`#/${v}`} aria-current={v === view ? 'page' : undefined}>{t(`view.${v}`)}{counts[v] > 0 && <b> {counts[v]}</b>}</a>
                    ))}
                </nav>
                <div class="self">
                    {account ? <><span>{t('as.admin', { name: account })}</span> <button type="button" class="quiet" onClick={out}>{t('logout')}</button></> : <a href="#/login">{t('login')}</a>}
                    <button type="button" class="quiet" lang={other === 'zh' ? 'zh-CN' : 'en'} onClick={() => speak(other).then(changed)}>{t('language')}</button>
                </div>
                </div>
                <Line />
            </header>
            <main id="main"><View key={lang()} /></main>
        </>
    );
}

speak(firstLanguage()).then(() => {
    render(<App />, document.getElementById('app'));
    begin();
});
