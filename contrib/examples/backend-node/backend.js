// SPDX-License-Identifier: GPL-2.0-or-later
// A platform's backend in small: each tenant's module is started when the first request for it comes,
// requests are passed on to its Unix socket, and what modules tried and were refused is printed.
'use strict';
const http = require('node:http');
const { Modsup, events, Refused } = require('../../clients/node/modsup.js');

const [name = 'node-http', port = 8080, path = '/run/modsup/backend/control.sock'] = process.argv.slice(2);
const ROUTE = /^\/([A-Za-z0-9_][A-Za-z0-9._:-]{0,127})(\/.*)$/; // /TENANT/what-the-module-sees
const sockets = new Map(); // tenant -> promise of the path of its module's socket
let link; // promise of the connection to the supervisor

function supervisor() {
	if (!link) {
		link = Modsup.connect({ path });
		link.then((m) => m.closed).catch(() => {}).then(() => { link = undefined; });
	}
	return link;
}

// Finds it running, too. A socket stays where it is, and takes connections while a crashed module
// starts again, so it is asked for once, and again when a connection to it failed.
function socketOf(tenant) {
	if (!sockets.has(tenant))
		sockets.set(tenant, supervisor().then((m) => m.call('instance.start', { module: name, tenant }))
			.then((instance) => instance.sockets.http)
			.catch((error) => { sockets.delete(tenant); throw error; }));
	return sockets.get(tenant);
}

function fail(response, error) {
	if (!response.headersSent)
		response.writeHead(error instanceof Refused ? error.http : 502, { 'content-type': 'application/json' });
	response.end(JSON.stringify({ error: error.reason ?? 'bad-gateway', hint: error.hint }) + '\n');
}

const server = http.createServer(async (request, response) => {
	const [, tenant, url] = ROUTE.exec(request.url) ?? [];
	if (!tenant)
		return response.writeHead(404).end('ask for /TENANT/...\n');
	try {
		const { method, headers } = request;
		const onward = http.request({ socketPath: await socketOf(tenant), path: url, method, headers, agent: false });
		onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
		onward.on('error', (error) => { sockets.delete(tenant); fail(response, error); });
		response.on('close', () => onward.destroy());
		request.pipe(onward);
	} catch (error) {
		fail(response, error);
	}
});

(async () => {
	server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/TENANT/`));
	for await (const { type, tenant, data } of events({ types: ['violation', 'instance.*'] }, { path }))
		console.log(type, tenant ?? '-', JSON.stringify(data.observed ?? data.reason ?? data.cause ?? ''));
})();
