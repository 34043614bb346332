// SPDX-License-Identifier: GPL-2.0-or-later
// An ordinary Node service. The supervisor bound the socket and hands it over as fd 3, already
// listening, so this program needs no network and no right to make a socket of its own.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');

const LISTEN_FD = 3;

function list(path) {
	try {
		return fs.readdirSync(path).sort();
	} catch (error) {
		return error.code;
	}
}

// What the kernel says about this process; the figures an isolation test wants to see.
function kernelFacts() {
	const wanted = ['Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb',
		'NoNewPrivs', 'Seccomp', 'Seccomp_filters'];
	const facts = {};
	for (const line of fs.readFileSync('/proc/self/status', 'utf8').split('\n')) {
		const [key, value] = line.split(':');
		if (wanted.includes(key))
			facts[key] = value.trim().replace(/\s+/g, ' ');
	}
	return facts;
}

function whoami() {
	return {
		uid: process.getuid(),
		gid: process.getgid(),
		pid: process.pid,
		hostname: os.hostname(),
		cwd: process.cwd(),
		env: Object.keys(process.env).sort(),
		memoryLimit: process.constrainedMemory ? process.constrainedMemory() : null,
		processes: list('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number),
		files: { '/': list('/'), '/module': list('/module'), '/etc': list('/etc') },
		status: kernelFacts(),
	};
}

const routes = {
	'/': () => ({
		greeting: process.env.GREETING || 'hello',
		module: process.env.MODSUP_MODULE || null,
		version: process.env.MODSUP_VERSION || null,
		node: process.version,
	}),
	'/healthz': () => ({ ok: true, uptime: process.uptime() }),
	'/whoami': whoami,
};

const server = http.createServer((request, response) => {
	const route = routes[new URL(request.url, 'http://module').pathname];
	const status = !route ? 404 : request.method !== 'GET' ? 405 : 200;
	const body = status === 200 ? route() : { error: http.STATUS_CODES[status] };
	response.writeHead(status, { 'content-type': 'application/json' });
	response.end(JSON.stringify(body, null, 2) + '\n');
});

// Answer what has begun, take nothing new, leave with 0: that is a clean stop.
process.on('SIGTERM', () => {
	console.log('node-http: stopping');
	server.close(() => process.exit(0));
	server.closeIdleConnections();
});

server.listen({ fd: LISTEN_FD }, () => console.log('node-http: ready'));
