/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-peers.h - who may connect to the control sockets and how far that reaches: the entries of
 * `peers` in modsupd.json as values, and every question about them. Pure: names of users and groups
 * are looked up by whoever reads the file. Asked by control.c and rpc.c, and for the owner of a
 * module's socket.
 */
#ifndef MS_POLICY_CONFIG_PEERS_H
#define MS_POLICY_CONFIG_PEERS_H

#include <sys/types.h>

#include "lib/base.h"
#include "policy/config.h"

enum ms_role { MS_ROLE_NONE, MS_ROLE_OBSERVER, MS_ROLE_BACKEND, MS_ROLE_ADMIN, MS_ROLE_COUNT };

/* What `may` adds to a backend. */
typedef uint32_t ms_rights;
#define MS_RIGHT_INSTALL (1u << 0) /* install, update, rollback, remove, pin, up to maxTier */
#define MS_RIGHT_RELEASE (1u << 1) /* end a quarantine, with a reason */
#define MS_RIGHT_COUNT	 2u

/* Each an exact name, or a beginning and '*'. */
struct ms_peer_patterns {
	const struct ms_str *list;
	uint32_t n;
};

struct ms_peer_entry {
	bool is_group;
	bool is_known; /* `id` is set: an entry whose name was never looked up matches nobody */
	uint32_t id;   /* a uid or a gid */
	struct ms_str name; /* as it was written; "" when a number was */
	enum ms_role role;
	struct ms_peer_patterns modules, tenants;
	enum ms_tier max_tier;
	ms_rights may;
};

const char *ms_role_word(enum ms_role role); /* "none" for what is none */
/* The i-th word of `may`, 1u << i; NULL at the end. */
const char *ms_right_word(unsigned i);

/* ms_peers_find - the first entry for this user or one of its groups; NULL: none. */
const struct ms_peer_entry *ms_peers_find(const struct ms_config *config, uid_t uid,
					  const gid_t *gids, size_t n_gids);
/* ms_peer_sees - both are in the scope of @entry; NULL stands for a scope without bounds. An empty
 * module, of what is not known yet, is seen by who sees every module. */
bool ms_peer_sees(const struct ms_peer_entry *entry, struct ms_str module, struct ms_str tenant);
/* ms_peers_have_scopes - is there somebody who must not hear the name of every module? */
bool ms_peers_have_scopes(const struct ms_config *config);
/* ms_peer_same - nothing of the two differs that a connection could notice. */
bool ms_peer_same(const struct ms_peer_entry *a, const struct ms_peer_entry *b);
/* ms_peer_dup - a copy in one piece, for free(); NULL on ENOMEM. */
MS_MUST_CHECK struct ms_peer_entry *ms_peer_dup(const struct ms_peer_entry *entry);

/* ms_peers_socket_gid - the group of the first entry of a backend whose scope has this module and
 * tenant; (gid_t)-1: none. */
gid_t ms_peers_socket_gid(const struct ms_config *config, struct ms_str module,
			  struct ms_str tenant);
/* ms_peers_access - the narrowest mode and group of a control socket that lets every entry connect:
 * 0600, or 0660 with one group, or 0666. @ret_gid is (gid_t)-1 but for 0660. */
mode_t ms_peers_access(const struct ms_config *config, gid_t *ret_gid);

#endif
