/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-supervisor.c - hello, supervisor.info, host.check: what the daemon says about itself and
 * its host. Changes nothing. Called through the table of rpc.c.
 */
#include <string.h>

#include "config.h"
#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/hostcheck.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/supervisor.h"

static void write_server(struct ms_jw *jw)
{
	ms_jw_object(jw, "server");
	ms_jw_text(jw, "name", "modsupd");
	ms_jw_text(jw, "version", PACKAGE_VERSION);
	ms_jw_end(jw);
}

static void write_patterns(struct ms_jw *jw, const char *key,
			   const struct ms_peer_patterns *patterns)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; patterns && i < patterns->n; i++)
		ms_jw_str(jw, NULL, patterns->list[i]);
	if (!patterns)
		ms_jw_text(jw, NULL, "*");
	ms_jw_end(jw);
}

/* How far this connection reaches. */
static void write_reach(const struct ms_rpc_peer *peer, struct ms_jw *jw)
{
	const struct ms_peer_entry *entry = peer->entry;

	ms_jw_text(jw, "role", ms_role_word(peer->role));
	ms_jw_object(jw, "scope");
	write_patterns(jw, "modules", entry ? &entry->modules : NULL);
	write_patterns(jw, "tenants", entry ? &entry->tenants : NULL);
	ms_jw_text(jw, "maxTier", ms_tier_word(ms_rpc_max_tier(peer)));
	ms_jw_end(jw);
	ms_jw_array(jw, "may");
	for (unsigned i = 0; ms_right_word(i); i++)
		if (ms_rpc_rights(peer) & (1u << i))
			ms_jw_text(jw, NULL, ms_right_word(i));
	ms_jw_end(jw);
}

/**
 * ms_hello_write() - the members of hello's params and result.
 * @peer: who is greeted
 * @jw: an open object
 */
void ms_hello_write(const struct ms_rpc_peer *peer, struct ms_jw *jw)
{
	const struct ms_supervisor *s = peer->s;
	const char *name;

	ms_jw_object(jw, "protocol");
	ms_jw_int(jw, "major", MS_RPC_MAJOR);
	ms_jw_int(jw, "minor", MS_RPC_MINOR);
	ms_jw_end(jw);
	write_server(jw);
	ms_jw_text(jw, "daemonId", s->daemon_id);
	write_reach(peer, jw);
	ms_jw_array(jw, "features");
	for (size_t i = 0; (name = ms_rpc_method_name(i)) != NULL; i++)
		ms_jw_text(jw, NULL, name);
	ms_jw_end(jw);
	ms_jw_text(jw, "epoch", ms_events_epoch(s->events));
}

static int run_hello(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);

	(void)args;  /* none */
	(void)fault; /* cannot fail but for memory, which ms_call_answer() tells */
	if (jw)
		ms_hello_write(call->peer, jw);
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_hello = {
	.name = "hello",
	.role = MS_ROLE_OBSERVER,
	.run = run_hello,
};

static void write_limits(struct ms_jw *jw, const struct ms_config *config)
{
	ms_jw_object(jw, "limits");
	ms_jw_uint(jw, "requestBytes", MS_MAX_REQUEST_BYTES);
	ms_jw_uint(jw, "requestDepth", MS_MAX_REQUEST_DEPTH);
	ms_jw_uint(jw, "peers", MS_MAX_PEERS);
	ms_jw_uint(jw, "userPeers", MS_MAX_USER_PEERS);
	ms_jw_uint(jw, "userPeerBytes", MS_MAX_USER_PEER_BYTES);
	ms_jw_uint(jw, "peerKeys", MS_MAX_PEER_KEYS);
	ms_jw_uint(jw, "keyBytes", MS_MAX_KEY_BYTES);
	ms_jw_uint(jw, "peerRequests", MS_MAX_PEER_REQUESTS);
	ms_jw_uint(jw, "peerSubscriptions", MS_MAX_PEER_SUBSCRIPTIONS);
	ms_jw_uint(jw, "peerOutputBytes", MS_MAX_PEER_OUTPUT_BYTES);
	ms_jw_uint(jw, "instances", config->max_instances);
	ms_jw_uint(jw, "eventsKept", MS_MAX_EVENTS_KEPT);
	ms_jw_uint(jw, "labels", MS_MAX_LABELS);
	ms_jw_uint(jw, "labelBytes", MS_MAX_LABEL_BYTES);
	ms_jw_end(jw);
}

struct count {
	const struct ms_rpc_peer *peer;
	uint64_t n;
};

static void count_running(void *data, const struct ms_instance_view *view)
{
	struct count *count = data;

	if (view->state < MS_STATE_STOPPED && ms_rpc_sees(count->peer, view->module, view->tenant))
		count->n++;
}

static int run_info(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	struct ms_supervisor *s = call->peer->s;
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);
	char time[MS_EVENT_TIME_BYTES];
	struct count count = {.peer = call->peer};
	uint64_t at = 0;

	(void)args;  /* none */
	(void)fault; /* as for hello */
	if (jw) {
		do
			at = ms_instance_each(s, at, MS_MAX_LIST, count_running, &count);
		while (at);
		write_server(jw);
		ms_jw_text(jw, "daemonId", s->daemon_id);
		ms_jw_int(jw, "pid", getpid());
		ms_jw_bool(jw, "private", s->private_mode);
		ms_jw_text(jw, "runtimeDir", s->runtime_dir);
		ms_jw_text(jw, "stateDir", s->state_dir);
		ms_jw_text(jw, "started", ms_event_time(s->started_usec, time));
		ms_jw_uint(jw, "uptimeUsec", ms_rpc_memory_clock() - s->started_boot_usec);
		ms_jw_uint(jw, "instances", count.n);
		ms_emergency_write(s->emergency, jw, "emergency");
		ms_jw_text(jw, "epoch", ms_events_epoch(s->events));
		write_limits(jw, s->config);
	}
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_supervisor_info = {
	.name = "supervisor.info",
	.role = MS_ROLE_OBSERVER,
	.run = run_info,
};

static int run_check(struct ms_call *call, const struct ms_arg *args, struct ms_fault *fault)
{
	const struct ms_supervisor *s = call->peer->s;
	struct ms_jw *jw = ms_call_begin(call, /* n_fds= */ 0);
	struct ms_host_report now;

	(void)args;  /* none */
	(void)fault; /* as for hello */
	if (!s->host)
		ms_hostcheck_run(s->config, &now);
	if (jw)
		ms_hostcheck_members(s->host ? s->host : &now, jw);
	ms_call_answer(call, jw, NULL, 0);
	return 0;
}

const struct ms_method ms_method_host_check = {
	.name = "host.check",
	.role = MS_ROLE_OBSERVER,
	.run = run_check,
};
