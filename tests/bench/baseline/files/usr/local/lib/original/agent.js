// The OAuth agent of the original, as far as it is measured: its health, the address that a CLI opens, and what the VM says of itself.
'use strict';
const { createServer } = require('node:http');
const { execFileSync } = require('node:child_process');
const { readdirSync, readFileSync } = require('node:fs');

const MAX_ADDRESS_BYTES = 8192;
let address = null;
let listening = null;

// Seconds since the kernel's start.
const uptime = () => Number(process.hrtime.bigint()) / 1e9;

// KiB resident of each process whose program is one of these.
const resident = (programs) => {
    const sums = {};
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
            const status = readFileSync(`/proc/${pid}/status`, 'utf8');
            const name = /^Name:\t(.*)$/m.exec(status)[1];
            const kib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
            const program = programs.find((program) => name.startsWith(program));
            if (program) sums[program] = (sums[program] ?? 0) + kib;
        } catch {
            // It has ended.
        }
    }
    return sums;
};

// Microseconds since the kernel's start, by systemd.
const moments = () => {
    const shown = (unit, ...properties) => Object.fromEntries(
        execFileSync('systemctl', ['show', ...unit, ...properties.map((property) => `--property=${property}`)], { encoding: 'utf8' })
            .trim().split('\n').map((line) => line.split('=')).map(([name, value]) => [name, Number(value)]));
    return {
        pid1: shown([], 'UserspaceTimestampMonotonic'),
        network: shown(['network-cmdline'], 'InactiveExitTimestampMonotonic', 'ActiveEnterTimestampMonotonic'),
    };
};

const facts = () => ({
    listening,
    moments: moments(),
    resident: resident(['node', 'python3', 'websockify', 'systemd']),
    meminfo: readFileSync('/proc/meminfo', 'utf8'),
});

const answer = (response, body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/address') {
        let text = '';
        request.on('data', (piece) => { text = (text + piece).slice(0, MAX_ADDRESS_BYTES); });
        request.on('end', () => { address = text; answer(response, {}); });
    } else if (request.url === '/health') {
        answer(response, { status: 'ok', timestamp: new Date().toISOString(), activeSessions: 1 });
    } else if (request.url === '/address') {
        answer(response, { address });
    } else if (request.url === '/uptime') {
        answer(response, { uptime: uptime() });
    } else if (request.url === '/facts') {
        answer(response, facts());
    } else {
        response.writeHead(404).end();
    }
}).listen(8080, () => { listening = uptime(); });
