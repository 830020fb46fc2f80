// Small pieces that all views use.
import { useEffect, useState } from 'preact/hooks';
import { t, word } from './text.js';

// Form and words say the state; colour only repeats it.
const tones = {
    online: 'good', stale: 'bad', unknown: 'wait', greeting: 'wait', paused: 'wait', 'never seen': 'wait', offline: 'bad', forked: 'bad', revoked: 'off', retired: 'off',
};
export const tone = (state) => tones[state] ?? 'bad'; // what this page does not know is not fine
const shapes = {
    good: <circle cx="8" cy="8" r="6" />,
    wait: <path d="M8 1 15 8 8 15 1 8z" />,
    bad: <path d="M8 1 15.5 14.5 0.5 14.5z" />,
    off: <rect x="3" y="3" width="10" height="10" fill="none" stroke="currentColor" stroke-width="2" />,
};

export const Mark = ({ tone: of }) => (
    <svg class={`mark ${of}`} viewBox="0 0 16 16" width="12" height="12" aria-hidden="true" fill="currentColor">{shapes[of]}</svg>
);

export const State = ({ of }) => (
    <span class={`state ${tone(of)}`}><Mark tone={tone(of)} /> {word('state', of)}</span>
);

// Asks when it is first shown and when `again` is called.
export function useAnswer(fetch, depends = []) {
    const [answer, set] = useState({ rows: null, error: null });
    const [turn, again] = useState(0);
    useEffect(() => {
        let here = true;
        fetch().then(
            (rows) => here && set({ rows, error: null }),
            (error) => here && set((was) => ({ rows: was.rows, error })),
        );
        return () => { here = false; };
    }, [turn, ...depends]);
    return { ...answer, again: () => again((n) => n + 1) };
}

export const why = (e) => (e.code === 'unreachable' ? t('unreachable') : e.message);

export const Trouble = ({ error }) => (error ? <p class="trouble" role="alert">{t('failed', { why: why(error) })}{error.hint ? ` ${error.hint}` : ''}</p> : null);

export const Head = ({ title, again, children }) => (
    <div class="head">
        <h1 tabindex="-1">{title}</h1>
        {children}
        {again && <button type="button" class="quiet" onClick={again}>{t('refresh')}</button>}
    </div>
);
