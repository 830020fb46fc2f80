// The hub's events. After an error a browser connects again by itself, unless it was refused; then we do.
const AGAIN_MS = 5000;

export function listen(hear) {
    const source = new EventSource('/api/events');
    for (const event of ['status', 'nodes', 'trend'])
        source.addEventListener(event, (e) => hear({ event, data: JSON.parse(e.data) }));
    source.onopen = () => hear({ event: 'line', data: 'open' });
    source.onerror = () => {
        hear({ event: 'line', data: 'down' });
        if (source.readyState === EventSource.CLOSED)
            setTimeout(() => listen(hear), AGAIN_MS);
    };
}

export function connect(hear) {
    if (typeof SharedWorker === 'undefined')
        return listen(hear);
    const { port } = new SharedWorker('/worker.js');
    port.onmessage = (m) => hear(m.data);
    addEventListener('pagehide', () => port.postMessage('bye'));
    addEventListener('pageshow', (e) => e.persisted && location.reload());
}
