/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-peer.c - who asks: from its first line to its end, what it sees and what it may. Must never
 * widen: what is not known is out of scope. Called by control-peer.c and by methods.
 */
#include <stdlib.h>

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/exec.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/rpc-key.h"
#include "supervisor/daemon/rpc-life.h"
#include "supervisor/daemon/supervisor.h"

/** ms_rpc_sees() - is this module of this tenant in the scope of @peer? */
bool ms_rpc_sees(const struct ms_rpc_peer *peer, struct ms_str module, struct ms_str tenant)
{
	return ms_peer_sees(peer->entry, module, tenant);
}

/** ms_rpc_max_tier() - Return: the highest tier in which @peer may start something. */
enum ms_tier ms_rpc_max_tier(const struct ms_rpc_peer *peer)
{
	enum ms_tier host = peer->s->config->trust_private ? MS_TIER_PRIVATE : MS_TIER_VERIFIED;

	return peer->entry ? MS_MIN(peer->entry->max_tier, host) : host;
}

/** ms_rpc_rights() - Return: what `may` gives to @peer. */
ms_rights ms_rpc_rights(const struct ms_rpc_peer *peer)
{
	if (peer->role < MS_ROLE_BACKEND)
		return 0;
	return peer->entry ? peer->entry->may : (1u << MS_RIGHT_COUNT) - 1;
}

/**
 * ms_rpc_peer_init() - a peer that has just connected.
 * @peer: zeroed or unused memory
 * @s: who serves it
 * @take_who: what it may do; its entry is consumed
 * @sink: where its lines go
 */
void ms_rpc_peer_init(struct ms_rpc_peer *peer, struct ms_supervisor *s,
		      const struct ms_rpc_who *take_who, struct ms_rpc_sink sink)
{
	*peer = (struct ms_rpc_peer){.s = s,
				     .sink = sink,
				     .uid = take_who->uid,
				     .pid = take_who->pid,
				     .ceiling = take_who->ceiling,
				     .role = take_who->role,
				     .entry = take_who->entry,
				     .dir = take_who->dir};
}

/**
 * ms_rpc_peer_done() - forget everything that would answer @peer, end what was attached to it. What
 * has a key goes on.
 */
void ms_rpc_peer_done(struct ms_rpc_peer *peer)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(peer->subs); i++) /* first: they borrow the entry */
		peer->subs[i].sub = ms_sub_free(peer->subs[i].sub);
	ms_rpc_outlive(peer);
	while (peer->calls) {
		struct ms_call *call = peer->calls;

		if (call->method && call->method->forget)
			call->method->forget(call);
		ms_instance_forget_data(peer->s, call);
		ms_rpc_end_call(call);
	}
	ms_instance_forget_owner(peer->s, peer);
	ms_exec_forget_owner(peer->s, peer);
	free(peer->entry);
	peer->entry = NULL;
}

/** ms_rpc_greet() - the first line of a connection. */
void ms_rpc_greet(struct ms_rpc_peer *peer)
{
	ms_auto(jw) struct ms_jw *jw = ms_rpc_begin();
	struct ms_rpc_line line;

	if (!jw) {
		ms_rpc_send_oom(peer);
		return;
	}
	ms_jw_text(jw, "method", "hello");
	ms_jw_object(jw, "params");
	ms_hello_write(peer, jw);
	ms_jw_end(jw);
	ms_jw_end(jw);
	if (ms_rpc_end(jw, &line))
		peer->sink.send(peer->sink.data, &line);
	else
		ms_rpc_send_oom(peer);
}
