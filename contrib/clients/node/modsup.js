// SPDX-License-Identifier: LGPL-2.1-or-later
// modsupd's control socket for Node 18 and later, no dependencies. README.md shows its use.
'use strict';
const { once } = require('node:events');
const net = require('node:net'), readline = require('node:readline');
const { basename, dirname, join } = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const DEFAULT_SOCKET = '/run/modsup/control.sock';
const MAX_LINE = 4 << 20, MAX_IN_FLIGHT = 64, MAX_READY = 256;

class ModsupError extends Error { get name() { return this.constructor.name; } }
// No connection (any more): what was under way may be done or not.
class Closed extends ModsupError {}
// Not in time; the connection is as good as before.
class TimedOut extends ModsupError {}
// The supervisor said no: switch on reason; retry is 'never', 'later' or 'after-change'.
class Refused extends ModsupError {
	constructor({ code, message, data = {} }) {
		super(`${message} (${data.reason})${data.hint ? `; ${data.hint}` : ''}`);
		const { reason, hint, retry, retryAfterMs, http } = data;
		Object.assign(this, { code, data, reason, hint, retry, retryAfterMs, http });
	}
}
class Invalid extends Refused {} // the request, a manifest or the configuration is wrong
class NotFound extends Refused {} // there is no such thing, or not for this peer
class Forbidden extends Refused {} // role, tier or an emergency stand against it
class Conflict extends Refused {} // not as things are now
class Unavailable extends Refused {} // too busy, too full, too late, or broken inside
const KINDS = { '-32001': NotFound, '-32002': Forbidden, '-32003': Forbidden, '-32004': Conflict,
	'-32005': Unavailable, '-32006': Unavailable, '-32007': Unavailable, '-32099': Unavailable };
const refusal = (error) => new (KINDS[error.code] || Invalid)(error);

// Resolves or rejects with promise, or rejects after ms (0: never).
function within(promise, ms, what) {
	if (!ms)
		return promise;
	const stop = new AbortController();
	const late = delay(ms, null, stop).then(() => { throw new TimedOut(`${what} within ${ms} ms`); });
	return Promise.race([promise, late]).finally(() => { late.catch(() => {}); stop.abort(); });
}

// One connection; get one from Modsup.connect(). hello is the greeting, closed resolves at its end.
class Modsup {
	static async connect({ path = process.env.MODSUP_SOCKET || DEFAULT_SOCKET, timeout = 10000, onNote } = {}) {
		const conn = new Modsup(path, onNote);
		try {
			conn.hello = await within(conn.#answer('hello'), timeout, `no greeting on ${path}`);
			if (conn.hello.protocol.major !== 1)
				throw new ModsupError(`the supervisor speaks protocol ${conn.hello.protocol.major}, not 1`);
			return conn;
		} catch (error) {
			conn.close();
			throw error;
		}
	}

	#onNote; #end; #lastId = 0; #pending = new Map(); #slots = []; #parts = []; #length = 0;
	constructor(path, onNote = () => {}) {
		this.#onNote = onNote;
		this.closed = new Promise((resolve) => { this.#end = resolve; });
		this.socket = net.connect(this.path = path);
		this.socket.on('data', (chunk) => this.#read(chunk));
		this.socket.on('error', (error) => this.#fail(new Closed(`${path}: ${error.message}`)));
		this.socket.on('close', () => this.#fail(new Closed('the supervisor ended the connection')));
	}

	close() { this.#fail(new Closed('closed')); }

	#answer(id) {
		return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
	}

	#fail(error) {
		this.failed ??= error;
		this.socket.destroy();
		for (const { reject } of [...this.#pending.values(), ...this.#slots.splice(0)])
			reject(this.failed);
		this.#pending.clear();
		this.#end(this.failed);
	}

	#read(chunk) {
		this.#parts.push(chunk);
		this.#length += chunk.length;
		if (!chunk.includes(10))
			return this.#length > MAX_LINE && this.#fail(new Closed('a line is too long'));
		const lines = Buffer.concat(this.#parts).toString().split('\n').slice(0, -1);
		this.#parts = [chunk.subarray(chunk.lastIndexOf(10) + 1)]; // as bytes: a character may be cut
		this.#length = this.#parts[0].length;
		try {
			lines.forEach((line) => this.#take(JSON.parse(line)));
		} catch (error) {
			this.#fail(error instanceof ModsupError ? error : new Closed(`no modsupd: ${error.message}`));
		}
	}

	#take(message) {
		const id = message.method === 'hello' ? 'hello' : message.id, call = this.#pending.get(id);
		if (message.error && message.id === null)
			throw refusal(message.error); // about the connection, which ends
		if (!call)
			return this.#onNote(message);
		this.#pending.delete(id);
		this.#slots.shift()?.resolve();
		return message.error ? call.reject(refusal(message.error)) : call.resolve(message.result ?? message.params);
	}

	// Pipelined: call as often as you like, at most 64 are sent before answers come.
	async call(method, params = {}, { timeout = 30000, key } = {}) {
		while (!this.failed && this.#pending.size >= MAX_IN_FLIGHT)
			await new Promise((resolve, reject) => this.#slots.push({ resolve, reject }));
		if (this.failed)
			throw this.failed;
		const id = ++this.#lastId;
		const request = { jsonrpc: '2.0', id, method, params: key ? { ...params, key } : params };
		this.socket.write(JSON.stringify(request) + '\n');
		return within(this.#answer(id), timeout, `no answer to ${method}`);
	}

	// The lines of a stream that an answer named, each a parsed JSON text. It is beside our socket.
	async *stream(path) {
		const socket = net.connect(join(dirname(this.path), basename(path)));
		try {
			await once(socket, 'connect');
			for await (const line of readline.createInterface({ input: socket, crlfDelay: Infinity }))
				yield JSON.parse(line);
		} finally {
			socket.destroy();
		}
	}
}

// Those of event.subscribe for ever: for await (const event of events({ types: ['violation'] })).
// Reconnects, goes on after the last one, tells each hole as the supervisor does (type 'gap', data
// from, to, reason), and 'client.connected' and 'client.disconnected'. since is { epoch, seq }. While
// the loop is busy, no more than some hundred events are read ahead.
async function* events(params = {}, { since, first = 100, most = 10000, signal, ...options } = {}) {
	const place = { since, prev: 0 };
	let attempt = 0, conn;
	const stop = () => conn?.close();
	signal?.addEventListener('abort', stop);
	while (!signal?.aborted) {
		const notes = [];
		let wake = () => {};
		const onNote = (note) => {
			if (notes.push(note.params) >= MAX_READY)
				conn.socket.pause();
			wake();
		};
		try {
			conn = await Modsup.connect({ ...options, onNote });
			conn.closed.then(() => wake());
			const from = place.since ? { since: place.since } : {};
			const answer = await conn.call('event.subscribe', { ...params, ...from });
			place.prev = place.since?.epoch === answer.epoch ? place.since.seq : 0;
			place.since ??= { epoch: answer.epoch, seq: answer.next - 1 };
			attempt = 0;
			yield { type: 'client.connected', data: conn.hello };
			for (let event; event?.type !== 'gap' || !event.data.ended;) { // else: subscribe again
				while (!notes.length && !conn.failed)
					await new Promise((resolve) => { wake = resolve; conn.socket.resume(); });
				if (!notes.length)
					throw conn.failed;
				yield* account(place, event = notes.shift());
			}
		} catch (error) {
			if (!(error instanceof ModsupError) || (error instanceof Refused && error.retry !== 'later'))
				throw error;
			if (attempt === 0 && !signal?.aborted)
				yield { type: 'client.disconnected', data: { reason: error.message } };
			const wait = Math.min(most, first * 2 ** attempt++) * (0.5 + Math.random() / 2);
			await delay(wait, null, { signal }).catch(() => {}); // aborted: then the loop ends
		} finally {
			conn?.close();
		}
	}
	signal?.removeEventListener('abort', stop);
}

// The event, and before it the hole that its prev shows and no gap told.
function* account(place, event) {
	const gap = event.type === 'gap', same = event.epoch === place.since.epoch;
	const seq = gap ? event.data.to : event.seq;
	if (seq === undefined || (!gap && same && seq <= place.since.seq)) {
		place.prev = seq ?? place.prev; // of a kind without numbers, or told already
		return;
	}
	const [low, high] = same ? [event.prev, place.prev].sort((a, b) => a - b) : [-1, seq - 1];
	if (!gap && low !== high)
		yield { type: 'gap', prev: place.prev, epoch: event.epoch, data: {
			from: low + 1, to: high, reason: same ? 'missing' : 'epoch', ended: false } };
	place.prev = seq;
	place.since = { epoch: event.epoch, seq };
	yield event;
}

module.exports = { Modsup, events, ModsupError, Closed, TimedOut, Refused, Invalid, NotFound, Forbidden,
	Conflict, Unavailable };
