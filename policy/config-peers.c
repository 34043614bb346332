/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-peers.c - the entries of `peers`: whom they mean, what they see, which mode the sockets
 * need for them. Must never widen: what is unknown matches nobody and sees nothing. Called by
 * control.c, rpc.c and whoever makes a module's socket.
 */
#include "policy/config-peers.h"

#include <stdlib.h>
#include <string.h>

/** ms_role_word() - Return: the word of the configuration, of hello and of refusals. */
const char *ms_role_word(enum ms_role role)
{
	switch (role) {
	case MS_ROLE_OBSERVER:
		return "observer";
	case MS_ROLE_BACKEND:
		return "backend";
	case MS_ROLE_ADMIN:
		return "admin";
	case MS_ROLE_NONE:
	case MS_ROLE_COUNT:
		break;
	}
	return "none";
}

/** ms_right_word() - Return: the i-th word of `may`, NULL at the end. */
const char *ms_right_word(unsigned i)
{
	static const char *const words[MS_RIGHT_COUNT] = {"install", "release"};

	return i < MS_RIGHT_COUNT ? words[i] : NULL;
}

static bool is_meant(const struct ms_peer_entry *entry, uid_t uid, const gid_t *gids, size_t n_gids)
{
	if (!entry->is_known)
		return false;
	if (!entry->is_group)
		return entry->id == uid;
	for (size_t i = 0; i < n_gids; i++)
		if (entry->id == gids[i])
			return true;
	return false;
}

/**
 * ms_peers_find() - the first entry for a user or one of its groups.
 *
 * Return: borrowed of @config, or NULL.
 */
const struct ms_peer_entry *ms_peers_find(const struct ms_config *config, uid_t uid,
					  const gid_t *gids, size_t n_gids)
{
	for (uint32_t i = 0; i < config->n_peers; i++)
		if (is_meant(&config->peers[i], uid, gids, n_gids))
			return &config->peers[i];
	return NULL;
}

static bool passes(const struct ms_peer_patterns *patterns, struct ms_str word)
{
	for (uint32_t i = 0; i < patterns->n; i++) {
		struct ms_str p = patterns->list[i];

		if (p.len && p.p[p.len - 1] == '*') {
			if (word.len >= p.len - 1 && memcmp(word.p, p.p, p.len - 1) == 0)
				return true;
		} else if (p.len == word.len && memcmp(p.p, word.p, p.len) == 0) {
			return true;
		}
	}
	return false;
}

/**
 * ms_peer_sees() - is this module of this tenant in the scope?
 * @entry: NULL = everything is
 * @module: "" while it is not known
 * @tenant: "" = default
 */
bool ms_peer_sees(const struct ms_peer_entry *entry, struct ms_str module, struct ms_str tenant)
{
	const struct ms_str none = {.p = "", .len = 0}, standard = {.p = "default", .len = 7};

	return !entry || (passes(&entry->modules, module.len ? module : none) &&
			  passes(&entry->tenants, tenant.len ? tenant : standard));
}

static bool is_everything(const struct ms_peer_patterns *patterns)
{
	for (uint32_t i = 0; i < patterns->n; i++)
		if (patterns->list[i].len == 1 && patterns->list[i].p[0] == '*')
			return true;
	return false;
}

/**
 * ms_peers_have_scopes() - may a text that any peer could be told name modules and tenants?
 *
 * Return: true when some entry does not see all of them.
 */
bool ms_peers_have_scopes(const struct ms_config *config)
{
	for (uint32_t i = 0; i < config->n_peers; i++)
		if (!is_everything(&config->peers[i].modules) ||
		    !is_everything(&config->peers[i].tenants))
			return true;
	return false;
}

static bool same_str(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0);
}

static bool same_patterns(const struct ms_peer_patterns *a, const struct ms_peer_patterns *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!same_str(a->list[i], b->list[i]))
			return false;
	return true;
}

/** ms_peer_same() - is there nothing that a connection could notice? Both may be NULL. */
bool ms_peer_same(const struct ms_peer_entry *a, const struct ms_peer_entry *b)
{
	if (!a || !b)
		return a == b;
	return a->is_group == b->is_group && a->is_known == b->is_known && a->id == b->id &&
	       a->role == b->role && a->max_tier == b->max_tier && a->may == b->may &&
	       same_patterns(&a->modules, &b->modules) && same_patterns(&a->tenants, &b->tenants);
}

/* -- a copy -- */

static size_t patterns_len(const struct ms_peer_patterns *patterns)
{
	size_t len = 0;

	for (uint32_t i = 0; i < patterns->n; i++)
		len += sizeof(struct ms_str) + patterns->list[i].len;
	return len;
}

static struct ms_str put_text(char **text, struct ms_str from)
{
	struct ms_str kept = {.p = *text, .len = from.len};

	if (from.len)
		memcpy(*text, from.p, from.len);
	*text += from.len;
	return kept;
}

static struct ms_peer_patterns put_patterns(struct ms_str **list, char **text,
					    const struct ms_peer_patterns *from)
{
	struct ms_peer_patterns kept = {.list = *list, .n = from->n};

	for (uint32_t i = 0; i < from->n; i++)
		*(*list)++ = put_text(text, from->list[i]);
	return kept;
}

/**
 * ms_peer_dup() - @entry, its lists and their text, in one allocation.
 *
 * Return: for free(), or NULL on ENOMEM.
 */
struct ms_peer_entry *ms_peer_dup(const struct ms_peer_entry *entry)
{
	size_t len = sizeof(*entry) + patterns_len(&entry->modules) +
		     patterns_len(&entry->tenants) + entry->name.len;
	struct ms_peer_entry *copy = calloc(1, len);
	struct ms_str *list;
	char *text;

	_Static_assert(sizeof(*entry) % _Alignof(struct ms_str) == 0, "the lists come behind it");
	if (!copy)
		return NULL;
	list = (struct ms_str *)(void *)(copy + 1);
	text = (char *)(list + entry->modules.n + entry->tenants.n);
	*copy = *entry;
	copy->modules = put_patterns(&list, &text, &entry->modules);
	copy->tenants = put_patterns(&list, &text, &entry->tenants);
	copy->name = put_text(&text, entry->name);
	return copy;
}

/* -- files that belong to somebody -- */

/**
 * ms_peers_socket_gid() - whose group connects to a module's socket.
 *
 * Return: of the first backend by group that has it in its scope, or (gid_t)-1.
 */
gid_t ms_peers_socket_gid(const struct ms_config *config, struct ms_str module,
			  struct ms_str tenant)
{
	for (uint32_t i = 0; i < config->n_peers; i++) {
		const struct ms_peer_entry *entry = &config->peers[i];

		if (entry->is_group && entry->is_known && entry->role == MS_ROLE_BACKEND &&
		    ms_peer_sees(entry, module, tenant))
			return entry->id;
	}
	return (gid_t)-1;
}

/**
 * ms_peers_access() - how far a control socket has to be open for everybody who has an entry.
 *
 * Who connects is decided by its credentials, whatever the mode. The mode only keeps those who
 * would be refused anyway from filling the backlog, so it is as narrow as it can be without an
 * access control list.
 *
 * Return: 0600, 0660 or 0666.
 */
mode_t ms_peers_access(const struct ms_config *config, gid_t *ret_gid)
{
	mode_t mode = 0600;

	*ret_gid = (gid_t)-1;
	for (uint32_t i = 0; i < config->n_peers; i++) {
		const struct ms_peer_entry *entry = &config->peers[i];

		if (!entry->is_known || (!entry->is_group && entry->id == 0))
			continue; /* nobody, or root, who needs no mode */
		if (!entry->is_group || (mode == 0660 && entry->id != *ret_gid)) {
			*ret_gid = (gid_t)-1;
			return 0666;
		}
		mode = 0660;
		*ret_gid = entry->id;
	}
	return mode;
}
