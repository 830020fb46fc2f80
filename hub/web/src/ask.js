// Questions to the hub: the commands of its status socket, with the same rows, answered in the page's language.
import { lang } from './text.js';

export class Refused extends Error {
    constructor(error) {
        super(error.message);
        this.code = error.code;
        this.hint = error.hint;
    }
}

async function post(path, body, person) {
    let response;
    try {
        response = await fetch(path, {
            method: 'POST',
            credentials: 'same-origin',
            headers: { 'Content-Type': 'application/json', 'X-Anju': person ? 'person' : 'timer' },
            body: JSON.stringify(body),
        });
    } catch {
        throw new Refused({ code: 'unreachable', message: 'unreachable' });
    }
    return response.text();
}

// The answer's lines: rows and an end, or one object, or why not.
function read(text) {
    const rows = [];
    for (const line of text.split('\n')) {
        if (line === '')
            continue;
        let said;
        try {
            said = JSON.parse(line);
        } catch {
            break;
        }
        if (said.error)
            throw new Refused(said.error);
        if (said.ok)
            return said.ok;
        if (said.end)
            return rows;
        rows.push(said.row);
    }
    throw new Refused({ code: 'internal', message: 'internal' });
}

// person: somebody did something, so the session goes on; else it is a timer's.
export const ask = async (cmd, args = {}, person = true) => read(await post('/api/ctl', { cmd, args: { lang: lang(), ...args } }, person));
export const session = async (person = false) => read(await post('/api/session', {}, person));
export const login = async (name, password) => read(await post('/api/login', { name, password }, true));
export const logout = async () => read(await post('/api/logout', {}, true));
