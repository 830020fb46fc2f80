// Words in the reader's language: one dictionary is loaded, the other only when it is asked for.
const load = { zh: () => import('./zh.js'), en: () => import('./en.js') };
let words = {};
let language = 'zh';
let forms = {};

function stored() {
    try {
        return localStorage.getItem('anju.lang');
    } catch {
        return null;
    }
}

export const lang = () => language;
export const firstLanguage = () => (stored() === 'en' ? 'en' : 'zh');

export async function speak(wanted) {
    words = (await load[wanted]()).default;
    language = wanted;
    const locale = wanted === 'zh' ? 'zh-CN' : 'en-GB';
    forms = {
        number: new Intl.NumberFormat(locale),
        time: new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }),
        day: new Intl.DateTimeFormat(locale, {
            year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false,
        }),
    };
    document.documentElement.lang = locale;
    document.title = words.title;
    try {
        localStorage.setItem('anju.lang', wanted);
    } catch { /* a browser that keeps nothing */ }
}

// t('ago', {n: 3}): {n} in the words is replaced. A key that is not there shows itself: a test looks for such.
export const t = (key, put = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => put[name] ?? '');
export const known = (key) => words[key] !== undefined;
export const word = (group, value) => (known(`${group}.${value}`) ? t(`${group}.${value}`) : String(value));

export const number = (n) => (n === null || n === undefined ? '—' : forms.number.format(n));
export const clock = (ms) => (ms ? forms.time.format(ms) : '—');
export const moment = (ms) => (ms ? forms.day.format(ms) : '—');

export function span(ms) {
    if (ms === null || ms === undefined)
        return '—';
    const s = Math.round(ms / 1000);
    if (s < 60)
        return t('span.s', { n: s });
    if (s < 3600)
        return t('span.min', { n: Math.floor(s / 60) });
    if (s < 172800)
        return t('span.h', { n: Math.floor(s / 3600) });
    return t('span.d', { n: Math.floor(s / 86400) });
}

export function bytes(n) {
    if (n === null || n === undefined)
        return '—';
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let at = 0;
    while (n >= 1024 && at < units.length - 1) {
        n /= 1024;
        at++;
    }
    return `${n < 10 && at > 0 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}
