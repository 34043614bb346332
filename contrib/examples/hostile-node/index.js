// SPDX-License-Identifier: GPL-2.0-or-later
// What a malicious npm package would try. An act that throws or rejects was refused; one that
// returns was granted. Prints a line for each and exits 0 only when nothing was granted.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const dns = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const FORKS = 64; // twice what the manifest allows, then stop
const DIAL_MS = 2000;

function refused(code) {
	return Object.assign(new Error(code), { code });
}

// The word for "why" in what a command says when the kernel refused it.
function commandFailure(result) {
	if (result.error)
		return result.error.code;
	const said = String(result.stderr);
	if (/not permitted/i.test(said))
		return 'EPERM';
	if (/denied/i.test(said))
		return 'EACCES';
	return result.signal || `exit ${result.status}`;
}

function command(...argv) {
	const result = spawnSync(argv[0], argv.slice(1), { timeout: 5000, encoding: 'utf8' });
	if (result.status !== 0)
		throw refused(commandFailure(result));
}

function dial(options) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(options);
		const timer = setTimeout(() => socket.destroy(refused('ETIMEDOUT')), DIAL_MS);
		socket.on('connect', () => socket.destroy(resolve()));
		socket.on('error', reject);
		socket.on('close', () => clearTimeout(timer));
	});
}

// Processes that are neither this one nor its own threads.
function otherProcesses() {
	return fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
		.filter((name) => Number(name) !== process.pid);
}

function readOthersEnvironment() {
	let last = 'ESRCH';
	for (const pid of otherProcesses()) {
		try {
			if (fs.readFileSync(`/proc/${pid}/environ`).length > 0)
				return;
			last = 'ENODATA';
		} catch (error) {
			last = error.code;
		}
	}
	throw refused(last);
}

function runFromTmp() {
	fs.copyFileSync('/bin/true', '/tmp/payload');
	fs.chmodSync('/tmp/payload', 0o755);
	command('/tmp/payload');
}

function loadFromTmp() {
	const library = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64']
		.map((folder) => path.join(folder, 'libm.so.6')).find(fs.existsSync);
	fs.copyFileSync(library, '/tmp/payload.node');
	try {
		process.dlopen({ exports: {} }, '/tmp/payload.node');
	} catch (error) {
		// A library that was mapped but is no addon was executed all the same.
		if (/self-register/.test(error.message))
			return;
		throw refused(/not permitted|map segment/.test(error.message) ? 'EPERM' : error.code);
	}
}

// Bounded, and every child is ended again.
async function forkBomb() {
	const children = [];
	let failure = null;
	for (let i = 0; i < FORKS && !failure; i++) {
		const child = spawn('/bin/sleep', ['20'], { stdio: 'ignore' });
		children.push(child);
		failure = await new Promise((resolve) => {
			child.once('spawn', () => resolve(null));
			child.once('error', resolve);
		});
	}
	for (const child of children)
		if (child.pid)
			child.kill('SIGKILL');
	await Promise.all(children.filter((child) => child.pid && child.exitCode === null &&
		child.signalCode === null).map((child) => new Promise((done) => child.once('exit', done))));
	if (failure)
		throw refused(failure.code);
}

const acts = [
	['read /etc/shadow', () => fs.readFileSync('/etc/shadow')],
	['read root\'s ssh key', () => fs.readFileSync('/root/.ssh/id_rsa')],
	['read root\'s npm token', () => fs.readFileSync('/root/.npmrc')],
	['list the home folders', () => fs.readdirSync('/home')],
	['read the environment of others', readOthersEnvironment],
	['read the root of process 1', () => fs.readdirSync('/proc/1/root')],
	['plant itself in the bundle', () => fs.appendFileSync('/module/index.js', '// planted')],
	['plant a job in /etc/cron.d', () => fs.writeFileSync('/etc/cron.d/planted', '* * * * * root id')],
	['plant a library for the loader', () => fs.writeFileSync('/etc/ld.so.preload', '/module/x.so')],
	['set the core pattern', () => fs.writeFileSync('/proc/sys/kernel/core_pattern', '|/module/x')],
	['set a cgroup release agent', () => fs.writeFileSync('/sys/fs/cgroup/release_agent', '/module/x')],
	['resolve a name to call home', () => dns.promises.lookup('example.com')],
	['connect to 1.1.1.1:443', () => dial({ host: '1.1.1.1', port: 443 })],
	['connect to the cloud\'s metadata', () => dial({ host: '169.254.169.254', port: 80 })],
	['connect to the container engine', () => dial({ path: '/var/run/docker.sock' })],
	['connect to the system bus', () => dial({ path: '/run/dbus/system_bus_socket' })],
	['become root', () => process.setuid(0)],
	['kill process 1', () => process.kill(1, 'SIGKILL')],
	['kill every process', () => process.kill(-1, 'SIGKILL')],
	['unshare a user namespace', () => command('/usr/bin/unshare', '--user', '/bin/true')],
	['unshare a network namespace', () => command('/usr/bin/unshare', '--net', '/bin/true')],
	['join the namespaces of process 1', () => command('/usr/bin/nsenter', '-t', '1', '-m', '/bin/true')],
	['change the root directory', () => command('/usr/sbin/chroot', '/tmp', '/bin/true')],
	['run a program from /tmp', runFromTmp],
	['load a native addon from /tmp', loadFromTmp],
	['fork without end', forkBomb],
];

// Kill-everybody and the like must never run on a host: demand what only a module sees.
function insideASandbox() {
	return process.getuid() !== 0 && 'MODSUP_INSTANCE' in process.env &&
		fs.existsSync('/run/modsup/self.json') &&
		fs.readlinkSync('/proc/self/ns/pid') !== 'pid:[4026531836]';
}

async function main() {
	if (!insideASandbox()) {
		console.error("hostile-node: this is not a modsup sandbox; run it with 'modsupctl run' only");
		return 2;
	}
	let count = 0;
	for (const [what, run] of acts) {
		try {
			await run();
			console.log(`tried: ${what} -> GRANTED`);
		} catch (error) {
			count++;
			console.log(`tried: ${what} -> refused (${error.code || error.message})`);
		}
	}
	console.log(`${acts.length} acts tried, ${count} refused, ${acts.length - count} granted`);
	return count === acts.length ? 0 : 1;
}

main().then((status) => { process.exitCode = status; });
