/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-key.c - see rpc-key.h. An answer is kept as the text behind its id, so that giving it again
 * is a copy. A key belongs to who gave it: the user, the socket and the entry it was admitted by,
 * as another scope must not be shown what this one was. Called by rpc.c, rpc-answer.c, rpc-peer.c.
 */
#include "supervisor/daemon/rpc-key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "policy/digest.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/rpc-life.h"
#include "supervisor/daemon/supervisor.h"

#define BUCKETS	     4096u
#define KEEP_USEC    (UINT64_C(24) * 3600 * 1000000)
#define LOG_GAP_USEC 10000000u /* at most one line of a kind in this time */

/* Somebody who has keys here. */
struct owner {
	struct owner *next, **link;
	struct ms_digest who;
	uint32_t n;
	size_t bytes; /* of their answers */
};

struct ms_key {
	struct ms_key *older, *newer; /* by their begin */
	struct ms_key *next, **link;  /* of the same bucket */
	struct owner *owner;	      /* borrowed */
	struct ms_digest what;	      /* method and parameters */
	struct ms_call *leader;	      /* borrowed; NULL = answered */
	struct ms_call *waiters;      /* borrowed, by their next_waiter */
	char *tail;		      /* owned: of the answer, from behind its id on */
	size_t tail_len;
	bool unrepeatable; /* the answer had descriptors, or was too long */
	uint64_t since_usec;
	uint8_t name_len;
	char name[MS_MAX_KEY_BYTES];
};

/* A connection that is gone, while requests of it go on. */
struct ghost {
	struct ghost *next, **link;
	struct ms_rpc_memory *memory;
	struct ms_rpc_peer rpc;
};

struct log_limit {
	uint64_t told_usec;
	uint32_t untold;
};

struct ms_rpc_memory {
	uint64_t (*now)(void);
	struct ms_key *oldest, *newest, *buckets[BUCKETS];
	struct owner *owners;
	struct ghost *ghosts;
	uint32_t n;
	size_t bytes; /* of the answers */
	struct log_limit refusals, full;
};

/** ms_rpc_memory_clock() - Return: microseconds since boot, sleep included. */
uint64_t ms_rpc_memory_clock(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/** ms_rpc_memory_new() - Return: empty, owned by the caller, or NULL on ENOMEM. */
struct ms_rpc_memory *ms_rpc_memory_new(uint64_t (*now)(void))
{
	struct ms_rpc_memory *memory = calloc(1, sizeof(*memory));

	if (memory)
		memory->now = now;
	return memory;
}

/* True when it is time for a line; @ret_untold are those that had none. */
static bool may_log(struct log_limit *limit, uint64_t now, uint32_t *ret_untold)
{
	if (limit->told_usec && now - limit->told_usec < LOG_GAP_USEC) {
		limit->untold++;
		return false;
	}
	*ret_untold = limit->untold;
	*limit = (struct log_limit){.told_usec = now ? now : 1};
	return true;
}

/**
 * ms_rpc_log_refusal() - one line about something forbidden, at most every ten seconds.
 */
void ms_rpc_log_refusal(const struct ms_call *call, const struct ms_error *err)
{
	struct ms_rpc_memory *memory = call->peer->s->rpc;
	uint32_t untold = 0;

	if (memory && may_log(&memory->refusals, memory->now(), &untold))
		ms_log(MS_LOG_WARNING, "control: pid %d of user %u (%s): %s (%u more not logged)",
		       (int)call->peer->pid, (unsigned)call->peer->uid,
		       ms_role_word(call->peer->role), err->msg, untold);
}

/* -- the keys -- */

static struct owner *get_owner(struct ms_rpc_memory *memory, const struct ms_digest *who)
{
	struct owner *owner = memory->owners;

	while (owner && !ms_digest_same(&owner->who, who))
		owner = owner->next;
	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->who = *who;
	owner->link = &memory->owners;
	owner->next = memory->owners;
	if (owner->next)
		owner->next->link = &owner->next;
	memory->owners = owner;
	return owner;
}

static void put_owner(struct owner *owner)
{
	if (owner->n)
		return;
	*owner->link = owner->next;
	if (owner->next)
		owner->next->link = owner->link;
	free(owner);
}

static struct ms_key **bucket_of(struct ms_rpc_memory *memory, const struct owner *owner,
				 struct ms_str name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: whoever makes collisions slows down itself */

	hash ^= (uint32_t)owner->who.bytes[0] << 8 | owner->who.bytes[1];
	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (uint8_t)name.p[i]) * 16777619u;
	return &memory->buckets[hash % BUCKETS];
}

static void forget(struct ms_rpc_memory *memory, struct ms_key *key)
{
	*key->link = key->next;
	if (key->next)
		key->next->link = key->link;
	*(key->older ? &key->older->newer : &memory->oldest) = key->newer;
	*(key->newer ? &key->newer->older : &memory->newest) = key->older;
	memory->n--;
	memory->bytes -= key->tail_len;
	key->owner->bytes -= key->tail_len;
	key->owner->n--;
	put_owner(key->owner);
	free(key->tail);
	free(key);
}

static void forget_old(struct ms_rpc_memory *memory, uint64_t now)
{
	struct ms_key *next;

	for (struct ms_key *key = memory->oldest; key && now - key->since_usec >= KEEP_USEC;
	     key = next) {
		next = key->newer;
		if (!key->leader)
			forget(memory, key);
	}
}

/* User, socket and entry. */
static int digest_peer(const struct ms_rpc_peer *peer, struct ms_digest *ret)
{
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(1u << 20);
	const struct ms_peer_entry *e = peer->entry;
	const struct ms_peer_patterns *lists[] = {e ? &e->modules : NULL, e ? &e->tenants : NULL};

	ms_buf_addf(&buf, "%u %d %d", (unsigned)peer->uid, (int)peer->ceiling, (int)peer->role);
	if (e)
		ms_buf_addf(&buf, " %d %u %d %u", e->is_group, e->id, (int)e->max_tier, e->may);
	for (size_t i = 0; i < MS_ARRAY_LEN(lists); i++) {
		ms_buf_adds(&buf, "\n");
		for (uint32_t n = 0; lists[i] && n < lists[i]->n; n++) {
			ms_buf_add(&buf, lists[i]->list[n].p, lists[i]->list[n].len);
			ms_buf_adds(&buf, " "); /* no pattern has one */
		}
	}
	if (buf.error)
		return buf.error;
	ms_digest_bytes(buf.data, buf.len, ret);
	return 0;
}

static struct ms_key *find(struct ms_rpc_memory *memory, const struct owner *owner,
			   struct ms_str name)
{
	struct ms_key *key = *bucket_of(memory, owner, name);

	while (key && (key->owner != owner || key->name_len != name.len ||
		       memcmp(key->name, name.p, name.len) != 0))
		key = key->next;
	return key;
}

/* What is kept for a day is not one peer's to fill. */
static bool has_its_share(const struct owner *owner)
{
	return owner->n >= MS_MAX_PEER_KEYS || owner->bytes >= MS_MAX_PEER_KEYS_BYTES;
}

/* `busy` with the time until the first of them goes. */
static int say_full(struct ms_rpc_memory *memory, const struct ms_call *call,
		    const struct owner *owner, struct ms_fault *fault)
{
	const struct ms_key *key = memory->oldest;
	bool own = has_its_share(owner);
	uint64_t now = memory->now(), left = 0;
	uint32_t untold = 0;

	while (own && key && key->owner != owner)
		key = key->newer;
	if (key && now - key->since_usec < KEEP_USEC)
		left = (key->since_usec + KEEP_USEC - now) / 1000u;
	fault->retry_after_ms = (uint32_t)(left > 1000 ? left : 1000);
	if (may_log(&memory->full, now, &untold))
		ms_log(MS_LOG_WARNING,
		       "control: no room for another key: user %u has %u, there are %u of %zu "
		       "bytes (%u more not logged)",
		       (unsigned)call->peer->uid, owner->n, memory->n, memory->bytes, untold);
	MS_IGNORE(ms_error_say(&fault->error, EBUSY, MS_REASON_BUSY,
			       own ? "this peer has %u keys of the last 24 hours, the most"
				   : "%u keys of the last 24 hours are kept, the most",
			       own ? owner->n : memory->n)); /* the next returns it */
	return ms_error_hint(&fault->error, "a request without \"key\" needs no room");
}

static struct ms_key *add(struct ms_rpc_memory *memory, struct owner *owner, struct ms_str name)
{
	struct ms_key *key = calloc(1, sizeof(*key)), **bucket;

	if (!key)
		return NULL;
	bucket = bucket_of(memory, owner, name);
	key->owner = owner;
	key->name_len = (uint8_t)name.len;
	memcpy(key->name, name.p, name.len);
	key->since_usec = memory->now();
	key->link = bucket;
	key->next = *bucket;
	if (key->next)
		key->next->link = &key->next;
	*bucket = key;
	key->older = memory->newest;
	*(key->older ? &key->older->newer : &memory->oldest) = key;
	memory->newest = key;
	memory->n++;
	owner->n++;
	return key;
}

/* -- answers -- */

/* Everything of an answer up to its id; NULL on ENOMEM. */
static char *write_front(const struct ms_call *call, size_t *ret_len)
{
	ms_auto(jw) struct ms_jw *jw = ms_rpc_begin();
	char *text;

	if (!jw)
		return NULL;
	ms_jw_value(jw, "id", call->id);
	ms_jw_end(jw);
	text = ms_jw_take(jw, MS_JW_LINE, ret_len);
	if (text)
		--*ret_len; /* its closing brace */
	return text;
}

/* Another request gets the answer that this text is the rest of. */
static void give(struct ms_call *call, const char *tail, size_t tail_len)
{
	struct ms_rpc_peer *peer = call->peer;
	struct ms_rpc_line line = {.tail = "\n"};
	size_t front_len = 0;
	ms_auto_free char *front = write_front(call, &front_len);

	line.head = front ? malloc(front_len + tail_len + 1) : NULL;
	if (line.head) {
		memcpy(line.head, front, front_len);
		memcpy(line.head + front_len, tail, tail_len);
		line.head[front_len + tail_len] = '\0';
		line.head_len = front_len + tail_len;
		peer->sink.send(peer->sink.data, &line);
	} else {
		ms_rpc_send_oom(peer);
	}
	ms_rpc_end_call(call);
	peer->sink.wake(peer->sink.data);
}

static void refuse_repeat(struct ms_call *call)
{
	struct ms_fault fault = {0};

	MS_IGNORE(ms_error_say(&fault.error, EEXIST, MS_REASON_CONFLICT,
			       "this was done, and its answer cannot be given twice: it had file "
			       "descriptors, or was too long to keep"));		 /* sent */
	MS_IGNORE(ms_error_hint(&fault.error, "ask what there is, with instance.show")); /* sent */
	ms_call_refuse(call, &fault);
}

static void refuse_lost(struct ms_call *call, enum ms_reason reason, const char *why)
{
	struct ms_fault fault = {0};

	MS_IGNORE(ms_error_say(&fault.error, ECANCELED, reason, "%s", why)); /* sent */
	ms_call_refuse(call, &fault);
}

static struct ms_call *pop_waiter(struct ms_key *key)
{
	struct ms_call *call = key->waiters;

	if (call) {
		key->waiters = call->next_waiter;
		call->key = NULL;
		call->next_waiter = NULL;
	}
	return call;
}

/* The parameters are the same: join, or answer. */
static int repeat(struct ms_key *key, struct ms_call *call)
{
	if (key->leader) {
		call->key = key;
		call->next_waiter = key->waiters;
		key->waiters = call;
		return MS_KEY_JOINED;
	}
	if (key->unrepeatable)
		refuse_repeat(call);
	else
		give(call, key->tail, key->tail_len);
	return MS_KEY_ANSWERED;
}

static int begin(struct ms_rpc_memory *memory, struct owner *owner, struct ms_call *call,
		 struct ms_str name, const struct ms_digest *what, struct ms_fault *fault)
{
	struct ms_key *key = find(memory, owner, name);

	if (key && ms_digest_same(&key->what, what))
		return repeat(key, call);
	if (key) {
		MS_IGNORE(ms_error_say(&fault->error, EEXIST, MS_REASON_KEY_REUSED,
				       "this key was used for %s with other parameters, or for "
				       "another method",
				       call->method->name)); /* the next returns it */
		return ms_error_hint(&fault->error, "give each thing to do a key of its own");
	}
	if (has_its_share(owner) || memory->n >= MS_MAX_KEYS || memory->bytes >= MS_MAX_KEYS_BYTES)
		return say_full(memory, call, owner, fault);
	key = add(memory, owner, name);
	if (!key)
		return ms_error_say(&fault->error, ENOMEM, MS_REASON_OOM, "out of memory");
	key->what = *what;
	key->leader = call;
	call->key = key;
	return 0;
}

/**
 * ms_key_begin() - @call carries the key @name.
 *
 * Return: 0 to go on with it, MS_KEY_JOINED, MS_KEY_ANSWERED (@call is gone), or -errno with
 * @fault.
 */
int ms_key_begin(struct ms_call *call, struct ms_str name, struct ms_fault *fault)
{
	struct ms_rpc_memory *memory = call->peer->s->rpc;
	struct ms_digest who, what;
	struct owner *owner = NULL;
	int r;

	if (memory && digest_peer(call->peer, &who) == 0 &&
	    ms_digest_json(call->method->name, ms_json_get(ms_doc_root(call->doc), "params"), "key",
			   &what) == 0) {
		forget_old(memory, memory->now());
		owner = get_owner(memory, &who);
	}
	if (!owner)
		return ms_error_say(&fault->error, ENOMEM, MS_REASON_OOM, "out of memory");
	r = begin(memory, owner, call, name, &what, fault);
	if (r < 0)
		put_owner(owner);
	return r;
}

/* Keep what comes behind the id of @line. */
static void keep(struct ms_rpc_memory *memory, struct ms_key *key, const struct ms_call *call,
		 const struct ms_rpc_line *line)
{
	size_t front_len = 0;
	ms_auto_free char *front = write_front(call, &front_len);

	key->unrepeatable = true;
	if (!front || line->n_fds || line->head_len - front_len > MS_MAX_KEY_ANSWER_BYTES)
		return;
	key->tail = strndup(line->head + front_len, line->head_len - front_len);
	if (!key->tail)
		return;
	key->tail_len = line->head_len - front_len;
	memory->bytes += key->tail_len;
	key->owner->bytes += key->tail_len;
	key->unrepeatable = false;
}

/**
 * ms_key_done() - the first request with a key is answered: keep that, and answer who joined.
 * @call: has no key any more
 * @line: about to be sent, or NULL for want of memory
 * @passes: may be different the next time
 */
void ms_key_done(struct ms_call *call, const struct ms_rpc_line *line, bool passes)
{
	struct ms_rpc_memory *memory = call->peer->s->rpc;
	struct ms_key *key = call->key;
	struct ms_call *waiter;

	call->key = NULL;
	key->leader = NULL;
	if (line)
		keep(memory, key, call, line);
	while ((waiter = pop_waiter(key)) != NULL) {
		if (!line)
			refuse_lost(waiter, MS_REASON_OOM, "out of memory");
		else if (key->unrepeatable)
			refuse_repeat(waiter);
		else
			give(waiter, key->tail, key->tail_len);
	}
	if (!line || passes)
		forget(memory, key);
}

/** ms_key_leave() - @call ends without an answer: it waits no more, or its key is free again. */
void ms_key_leave(struct ms_call *call)
{
	struct ms_key *key = call->key;
	struct ms_call *waiter, **link = &key->waiters;

	call->key = NULL;
	if (key->leader != call) {
		while (*link != call)
			link = &(*link)->next_waiter;
		*link = call->next_waiter;
		return;
	}
	key->leader = NULL;
	while ((waiter = pop_waiter(key)) != NULL)
		refuse_lost(waiter, MS_REASON_CANCELLED,
			    "the request that it waited for was given up");
	forget(call->peer->s->rpc, key);
}

/** ms_key_name() - Return: the key of @call, or "". */
struct ms_str ms_key_name(const struct ms_call *call)
{
	return call->key ? (struct ms_str){.p = call->key->name, .len = call->key->name_len}
			 : (struct ms_str){.p = "", .len = 0};
}

/** ms_key_leader() - Return: who does what @call asks for. */
const struct ms_call *ms_key_leader(const struct ms_call *call)
{
	return call->key && call->key->leader ? call->key->leader : call;
}

/* -- requests without a connection -- */

static void ghost_send(void *data, struct ms_rpc_line *take_line)
{
	(void)data; /* nobody is there: its answer was kept */
	ms_rpc_line_done(take_line);
}

static void ghost_free(struct ghost *ghost)
{
	*ghost->link = ghost->next;
	if (ghost->next)
		ghost->next->link = ghost->link;
	free(ghost->rpc.entry);
	free(ghost);
}

/* The last thing that is done with a peer when one of its requests ends. */
static void ghost_wake(void *data)
{
	struct ghost *ghost = data;

	if (!ghost->rpc.n_calls)
		ghost_free(ghost);
}

static struct ghost *ghost_new(struct ms_rpc_memory *memory, struct ms_rpc_peer *peer)
{
	struct ghost *ghost = calloc(1, sizeof(*ghost));
	const struct ms_rpc_who who = {.uid = peer->uid,
				       .pid = peer->pid,
				       .ceiling = peer->ceiling,
				       .role = peer->role,
				       .entry = peer->entry,
				       .dir = peer->dir};

	if (!ghost)
		return NULL;
	peer->entry = NULL; /* the ghost's from here on */
	ms_rpc_peer_init(
		&ghost->rpc, peer->s, &who,
		(struct ms_rpc_sink){.send = ghost_send, .wake = ghost_wake, .data = ghost});
	ghost->memory = memory;
	ghost->link = &memory->ghosts;
	ghost->next = memory->ghosts;
	if (ghost->next)
		ghost->next->link = &ghost->next;
	memory->ghosts = ghost;
	return ghost;
}

/**
 * ms_rpc_outlive() - a connection ends: its requests that are the first with a key go on, and their
 * answers are there for who asks again.
 * @peer: may lose its entry by this
 */
void ms_rpc_outlive(struct ms_rpc_peer *peer)
{
	struct ghost *ghost = NULL;
	struct ms_call *next;

	for (struct ms_call *call = peer->calls; call; call = next) {
		next = call->next;
		if (!call->key || call->key->leader != call)
			continue;
		if (!ghost)
			ghost = ghost_new(peer->s->rpc, peer);
		if (!ghost) {
			ms_log(MS_LOG_ERROR, "control: a request with a key is forgotten: out of "
					     "memory");
			continue;
		}
		ms_rpc_move_call(call, &ghost->rpc);
	}
}

/** ms_rpc_memory_free() - every key, and every request that goes on. Return: NULL. */
struct ms_rpc_memory *ms_rpc_memory_free(struct ms_rpc_memory *memory)
{
	if (!memory)
		return NULL;
	while (memory->ghosts) {
		struct ghost *ghost = memory->ghosts;

		while (ghost->rpc.calls) {
			struct ms_call *call = ghost->rpc.calls;

			if (call->method->forget)
				call->method->forget(call);
			ms_instance_forget_data(ghost->rpc.s, call);
			ms_rpc_end_call(call);
		}
		ghost_free(ghost);
	}
	while (memory->oldest)
		forget(memory, memory->oldest);
	free(memory);
	return NULL;
}
