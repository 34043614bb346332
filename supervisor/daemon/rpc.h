/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc.h - requests and answers without the socket: one line in, one line out. control.c carries the
 * lines, method-*.c does what they ask; a test drives this file with neither. It knows nothing of
 * descriptors that are polled and never blocks.
 */
#ifndef MS_DAEMON_RPC_H
#define MS_DAEMON_RPC_H

#include <sys/types.h>

#include "lib/base.h"
#include "lib/error.h"
#include "modsup/limits.h"
#include "policy/config-peers.h"
#include "policy/json.h"
#include "policy/report.h"
#include "supervisor/daemon/rpc-params.h"

struct ms_call;
struct ms_event;
struct ms_sub;
struct ms_supervisor;

#define MS_RPC_MAJOR 1
#define MS_RPC_MINOR 0

/* One line on its way out: @head, then what of the event's text comes after its opening brace, then
 * @tail. */
struct ms_rpc_line {
	char *head; /* owned */
	size_t head_len;
	struct ms_event *event; /* owned reference, or NULL */
	const char *tail;	/* static: "\n" or "}\n" */
	int fds[MS_MAX_ANSWER_FDS];
	uint32_t n_fds; /* owned */
};
void ms_rpc_line_done(struct ms_rpc_line *line);
size_t ms_rpc_line_len(const struct ms_rpc_line *line);

/* Where lines go. send() takes the line in every case and must not call back; wake() says that
 * ms_rpc_pull() may have something, or that a request may be read again. */
struct ms_rpc_sink {
	void (*send)(void *data, struct ms_rpc_line *take_line);
	void (*wake)(void *data);
	void *data;
};

struct ms_rpc_sub {
	struct ms_sub *sub; /* owned; NULL = free slot */
	uint64_t number;
};

/* Who it is, for ms_rpc_peer_init(): as in struct ms_rpc_peer. */
struct ms_rpc_who {
	uid_t uid;
	pid_t pid;
	enum ms_role ceiling, role;
	struct ms_peer_entry *entry;
	const char *dir;
};

/* Who asks. Embedded in control.c's peer; its address is the owner of attached instances. */
struct ms_rpc_peer {
	struct ms_supervisor *s; /* borrowed */
	struct ms_rpc_sink sink;
	uid_t uid;	      /* of whoever connected: its streams are for the same */
	pid_t pid;	      /* for logs */
	enum ms_role ceiling; /* of the socket it came through */
	enum ms_role role;    /* the less of the socket's and the entry's */
	/* What it was admitted by: a copy of its own, so that a reload changes nothing under it.
	 * NULL: no entry was asked, and nothing is out of scope. Owned. */
	struct ms_peer_entry *entry;
	const char *dir;       /* borrowed: of the socket it came through */
	struct ms_call *calls; /* in flight, owned */
	uint32_t n_calls;
	struct ms_rpc_sub subs[MS_MAX_PEER_SUBSCRIPTIONS];
	uint64_t n_subscribed; /* ever: names the next one */
	uint32_t turn;	       /* of ms_rpc_pull(), so that no subscription starves another */
};

/* ms_rpc_peer_init - @take_who's entry is taken. */
void ms_rpc_peer_init(struct ms_rpc_peer *peer, struct ms_supervisor *s,
		      const struct ms_rpc_who *take_who, struct ms_rpc_sink sink);
/* ms_rpc_peer_done - nobody answers its calls any more, its attached instances end. */
void ms_rpc_peer_done(struct ms_rpc_peer *peer);
void ms_rpc_greet(struct ms_rpc_peer *peer);
/* ms_rpc_request - one line without its newline. The answer is sent now or later, exactly once. */
void ms_rpc_request(struct ms_rpc_peer *peer, const char *line, size_t len);
/* ms_rpc_tick - once a second while it answers true: tell the steps of what takes longer. */
bool ms_rpc_tick(struct ms_rpc_peer *peer);
/* ms_rpc_has_steps - some request in flight has steps that ms_rpc_tick() could tell. */
bool ms_rpc_has_steps(const struct ms_rpc_peer *peer);
/* ms_rpc_pull - send one notification if there is one; false: nothing now. */
bool ms_rpc_pull(struct ms_rpc_peer *peer);
/* ms_rpc_refusal - an error line for a peer that gets no further; false on ENOMEM. */
MS_MUST_CHECK bool ms_rpc_refusal(const struct ms_error *err, struct ms_rpc_line *ret);

/* -- for methods -- */

/* ms_rpc_sees - is this in the peer's scope? What is not answers `not-found`, is in no list, and
 * its events are not delivered. An empty @module is one that is not known yet. */
bool ms_rpc_sees(const struct ms_rpc_peer *peer, struct ms_str module, struct ms_str tenant);
/* ms_rpc_max_tier - the highest tier in which the peer may start something. */
enum ms_tier ms_rpc_max_tier(const struct ms_rpc_peer *peer);
/* ms_rpc_rights - its words of `may`. */
ms_rights ms_rpc_rights(const struct ms_rpc_peer *peer);

struct ms_fault {
	struct ms_error error;
	const struct ms_report *report; /* borrowed, may be NULL: every error at once */
	struct ms_str instance;		/* borrowed: which one it is about, or empty */
	uint32_t retry_after_ms;	/* 0: not known */
};

struct ms_method {
	const char *name;
	enum ms_role role; /* the least that may call it */
	const struct ms_param *params;
	size_t n_params;
	/* It changes something: it takes `key` as well, which is in no table, and with one its
	 * answer is kept and it goes on without its connection. */
	bool changes;
	/* 0: answered, or will be by ms_call_answer()/ms_call_refuse(); else -errno with @fault */
	int (*run)(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault);
	/* For those that answer later, each NULL when there is no such thing:
	 * cancel - operation.cancel: true = given up, and it will not answer any more;
	 * forget - its connection is gone: it must not answer any more (instance.c's callbacks are
	 * forgotten without it);
	 * step - what is being done, a static word, or NULL; @ret_total 0 = not known. */
	bool (*cancel)(struct ms_call *call);
	void (*forget)(struct ms_call *call);
	const char *(*step)(const struct ms_call *call, uint64_t *ret_done, uint64_t *ret_total);
};
/* clang-format off: one a line, so that additions stay apart */
extern const struct ms_method ms_method_hello;
extern const struct ms_method ms_method_supervisor_info;
extern const struct ms_method ms_method_supervisor_reload;
extern const struct ms_method ms_method_host_check;
extern const struct ms_method ms_method_instance_start;
extern const struct ms_method ms_method_instance_stop;
extern const struct ms_method ms_method_instance_restart;
extern const struct ms_method ms_method_instance_kill;
extern const struct ms_method ms_method_instance_wait;
extern const struct ms_method ms_method_instance_show;
extern const struct ms_method ms_method_instance_list;
extern const struct ms_method ms_method_event_subscribe;
extern const struct ms_method ms_method_event_unsubscribe;
extern const struct ms_method ms_method_operation_cancel;
extern const struct ms_method ms_method_emergency_stop;
extern const struct ms_method ms_method_emergency_lift;
extern const struct ms_method ms_method_capacity_get;
extern const struct ms_method ms_method_instance_exec;
extern const struct ms_method ms_method_instance_logs;
/* clang-format on */
extern const struct ms_method ms_method_instance_stats;
/* The names of all methods, in the order of the table; NULL beyond the end. */
const char *ms_rpc_method_name(size_t i);

/* A request in flight; ends with ms_call_answer() or ms_call_refuse(), or with its peer. */
struct ms_key;
struct ms_call {
	struct ms_call *next, **link;
	struct ms_key
		*key; /* borrowed, or NULL: that its answer is kept by, or that it waits for */
	struct ms_call *next_waiter; /* of those that wait for the same */
	uint32_t n_ticks;	     /* seconds, as ms_rpc_tick() counts them */
	const char *told_step;	     /* static: what ms_rpc_tick() told last */
	uint64_t told_done;
	struct ms_rpc_peer *peer;
	const struct ms_method *method;
	struct ms_doc *doc;	  /* owned: the request */
	const struct ms_json *id; /* in @doc */
	struct ms_report *report; /* owned: of the parameters */
};

/* ms_call_begin - the answer, open where the members of "result" go; NULL on ENOMEM, which
 * ms_call_answer() takes as well. @n_fds is declared beside the result. */
struct ms_jw *ms_call_begin(const struct ms_call *call, uint32_t n_fds);
/* ms_call_answer - close the result, send, end the call. fds are taken out of @take_fds. */
void ms_call_answer(struct ms_call *call, struct ms_jw *take_jw, int *take_fds, uint32_t n_fds);
void ms_call_refuse(struct ms_call *call, const struct ms_fault *fault);

/* ms_hello_write - the members of hello's params. In method-supervisor.c. */
void ms_hello_write(const struct ms_rpc_peer *peer, struct ms_jw *jw);

#endif
