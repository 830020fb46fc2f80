// One connection for all tabs of a browser: with one each, the seventh would wait for ever.
import { listen } from './live.js';

const ports = new Set();
const last = new Map(); // what a tab that comes later must know at once

listen((message) => {
    if (message.event !== 'nodes')
        last.set(message.event, message);
    for (const port of ports)
        port.postMessage(message);
});
self.onconnect = (e) => {
    const port = e.ports[0];
    ports.add(port);
    port.onmessage = (m) => m.data === 'bye' && ports.delete(port);
    for (const message of last.values())
        port.postMessage(message);
};
