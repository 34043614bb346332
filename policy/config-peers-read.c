/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-peers-read.c - `peers` of modsupd.json from JSON and back, as strict as the rest: every
 * entry says whom it means and as what, and nothing that has no effect is accepted. Called by
 * config-read.c and config.c.
 */
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/name.h"
#include "modsup/limits.h"
#include "policy/config-peers.h"
#include "policy/config-rows.h"
#include "policy/nearest.h"

#define ID_MAX	   4294967294u /* the one above means "none" to the kernel */
#define NAME_BYTES 256u

enum entry_key {
	KEY_USER,
	KEY_GROUP,
	KEY_ROLE,
	KEY_MODULES,
	KEY_TENANTS,
	KEY_MAX_TIER,
	KEY_MAY,
	KEY_COUNT
};

static const char *const key_words[KEY_COUNT] = {
	[KEY_USER] = "user",	   [KEY_GROUP] = "group",     [KEY_ROLE] = "role",
	[KEY_MODULES] = "modules", [KEY_TENANTS] = "tenants", [KEY_MAX_TIER] = "maxTier",
	[KEY_MAY] = "may",
};

static const struct ms_str everything = {.p = "*", .len = 1};

static void sort_out(struct ms_config_reader *rd, const struct ms_json *object,
		     const struct ms_json *values[static KEY_COUNT])
{
	for (size_t i = 0; i < ms_json_count(object); i++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);
		struct ms_nearest nearest = ms_nearest_init(key);
		unsigned k = 0;

		for (; k < KEY_COUNT && !ms_config_str_is(key, key_words[k]); k++)
			ms_nearest_try(&nearest, key_words[k]);
		if (k < KEY_COUNT)
			values[k] = value;
		else if (!ms_config_is_remark(key))
			ms_config_unknown_key(rd, value, key, &nearest,
					      "user, group, role, modules, tenants, maxTier, may");
	}
}

static bool is_id_name(struct ms_str name)
{
	if (!name.len || name.len >= NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f || name.p[i] == ':' ||
		    name.p[i] == '/')
			return false;
	return true;
}

static void look_up(struct ms_config_reader *rd, const struct ms_json *value,
		    struct ms_peer_entry *entry)
{
	const char *what = entry->is_group ? "group" : "user";
	int r;

	if (!rd->names)
		return;
	r = rd->names->find(rd->names->data, entry->is_group, entry->name, &entry->id);
	entry->is_known = r == 0;
	if (r > 0)
		ms_config_bad(rd, value, "make it first, or give its number",
			      "which is not a %s of this host", what);
	else if (r < 0)
		ms_config_bad(rd, value, NULL, "a %s that could not be looked up: %s", what,
			      strerrordesc_np(-r));
}

static void read_who(struct ms_config_reader *rd, const struct ms_json *value,
		     struct ms_peer_entry *entry)
{
	if (ms_json_type(value) == MS_JSON_INT) {
		int64_t id = ms_json_int(value);

		if (id < 0 || id > ID_MAX) {
			ms_config_bad(rd, value, NULL, "which is out of range; accepted: 0 to %u",
				      ID_MAX);
			return;
		}
		entry->id = (uint32_t)id;
		entry->is_known = true;
	} else if (ms_json_type(value) == MS_JSON_STRING && is_id_name(ms_json_str(value))) {
		entry->name = ms_json_str(value);
		look_up(rd, value, entry);
	} else {
		ms_config_bad(rd, value, NULL, "which is neither the name nor the number of a %s",
			      entry->is_group ? "group" : "user");
	}
}

static bool read_role(struct ms_config_reader *rd, const struct ms_json *value,
		      struct ms_peer_entry *entry)
{
	char hint[MS_NEAREST_HINT_BYTES];
	struct ms_nearest nearest;

	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return false;
	nearest = ms_nearest_init(ms_json_str(value));
	for (enum ms_role role = MS_ROLE_OBSERVER; role < MS_ROLE_COUNT; role++) {
		ms_nearest_try(&nearest, ms_role_word(role));
		if (!ms_config_str_is(ms_json_str(value), ms_role_word(role)))
			continue;
		entry->role = role;
		return true;
	}
	ms_config_bad(rd, value, ms_nearest_hint(&nearest, hint),
		      "which is not a role; accepted: observer, backend, admin");
	return false;
}

/* An exact name, or what a name could begin with and '*'. */
static bool is_pattern(struct ms_str p, bool is_module)
{
	char name[MS_MAX_TENANT_BYTES + 2];

	if (!p.len || p.len > MS_MAX_TENANT_BYTES)
		return false;
	memcpy(name, p.p, p.len);
	if (name[p.len - 1] == '*')
		name[p.len - 1] = 'a'; /* as any name that it is meant for */
	return is_module ? ms_name_is_module(name, p.len) : ms_name_is_tenant(name, p.len);
}

static void read_patterns(struct ms_config_reader *rd, const struct ms_json *array, bool is_module,
			  struct ms_peer_patterns *ret)
{
	size_t n;
	struct ms_str *list;

	if (!ms_config_is_type(rd, array, MS_JSON_ARRAY))
		return;
	n = ms_json_count(array);
	if (!n || n > MS_MAX_SCOPE_PATTERNS) {
		ms_config_bad(rd, array, n ? NULL : "write [\"*\"] for all of them",
			      "which has %zu entries; accepted: 1 to %u", n, MS_MAX_SCOPE_PATTERNS);
		return;
	}
	list = ms_arena_alloc(rd->arena, n * sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		const struct ms_json *value = ms_json_at(array, i);

		if (!ms_config_is_type(rd, value, MS_JSON_STRING))
			continue;
		list[i] = ms_json_str(value);
		if (!is_pattern(list[i], is_module))
			ms_config_bad(rd, value, NULL,
				      "which is neither a %s nor the beginning of one and a \"*\" "
				      "at the end",
				      is_module ? "module's id" : "tenant");
	}
	*ret = (struct ms_peer_patterns){.list = list, .n = list ? (uint32_t)n : 0};
}

static void read_max_tier(struct ms_config_reader *rd, const struct ms_json *value,
			  enum ms_tier *ret)
{
	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return;
	if (ms_tier_parse(ms_json_str(value).p, ms_json_str(value).len, ret) < 0)
		ms_config_bad(rd, value, NULL,
			      "which is not a tier; accepted: community, verified, private");
}

static void read_may(struct ms_config_reader *rd, const struct ms_json *array, ms_rights *ret)
{
	if (!ms_config_is_type(rd, array, MS_JSON_ARRAY))
		return;
	for (size_t i = 0; i < ms_json_count(array); i++) {
		const struct ms_json *value = ms_json_at(array, i);
		unsigned right = 0;

		if (!ms_config_is_type(rd, value, MS_JSON_STRING))
			continue;
		while (ms_right_word(right) &&
		       !ms_config_str_is(ms_json_str(value), ms_right_word(right)))
			right++;
		if (!ms_right_word(right))
			ms_config_bad(rd, value, NULL,
				      "which is not a right; accepted: install, release");
		else if (*ret & (1u << right))
			ms_config_bad(rd, value, "remove one of the two",
				      "which stands there already");
		else
			*ret |= 1u << right;
	}
}

/* What would be without effect is refused: it would look like a bound that is none. */
static void refuse_for_role(struct ms_config_reader *rd,
			    const struct ms_json *const values[static KEY_COUNT], enum ms_role role)
{
	static const enum entry_key keys[] = {KEY_MODULES, KEY_TENANTS, KEY_MAX_TIER, KEY_MAY};

	for (size_t i = 0; i < MS_ARRAY_LEN(keys); i++) {
		if (!values[keys[i]])
			continue;
		if (role == MS_ROLE_ADMIN)
			ms_config_bad(rd, values[keys[i]],
				      "remove it, or give the role backend or observer",
				      "which has no effect: an administrator may do everything");
		else if (role == MS_ROLE_OBSERVER && keys[i] >= KEY_MAX_TIER)
			ms_config_bad(rd, values[keys[i]], "remove it, or give the role backend",
				      "which has no effect: an observer changes nothing");
	}
}

static void read_entry(struct ms_config_reader *rd, const struct ms_json *object,
		       struct ms_peer_entry *entry)
{
	const struct ms_json *values[KEY_COUNT] = {0};

	*entry = (struct ms_peer_entry){.name = {.p = "", .len = 0},
					.modules = {.list = &everything, .n = 1},
					.tenants = {.list = &everything, .n = 1}};
	if (!ms_config_is_type(rd, object, MS_JSON_OBJECT))
		return;
	sort_out(rd, object, values);
	entry->is_group = !values[KEY_USER];
	if (!values[KEY_USER] == !values[KEY_GROUP])
		ms_config_bad(rd, object, NULL, "which has %s; accepted: one of user and group",
			      values[KEY_USER] ? "both user and group" : "neither user nor group");
	else
		read_who(rd, values[entry->is_group ? KEY_GROUP : KEY_USER], entry);
	if (!values[KEY_ROLE])
		ms_config_bad(rd, object, NULL,
			      "which has no role; accepted: observer, backend, admin");
	else if (read_role(rd, values[KEY_ROLE], entry))
		refuse_for_role(rd, values, entry->role);
	if (entry->role == MS_ROLE_ADMIN) {
		entry->max_tier = MS_TIER_PRIVATE;
		entry->may = (1u << MS_RIGHT_COUNT) - 1;
	}
	if (values[KEY_MODULES])
		read_patterns(rd, values[KEY_MODULES], /* is_module= */ true, &entry->modules);
	if (values[KEY_TENANTS])
		read_patterns(rd, values[KEY_TENANTS], /* is_module= */ false, &entry->tenants);
	if (values[KEY_MAX_TIER])
		read_max_tier(rd, values[KEY_MAX_TIER], &entry->max_tier);
	if (values[KEY_MAY])
		read_may(rd, values[KEY_MAY], &entry->may);
}

/**
 * ms_config_read_peers() - the array, which replaces what an earlier file said.
 */
void ms_config_read_peers(struct ms_config_reader *rd, const struct ms_json *array,
			  struct ms_config *config)
{
	struct ms_peer_entry *entries;
	size_t n;

	if (!ms_config_is_type(rd, array, MS_JSON_ARRAY))
		return;
	n = ms_json_count(array);
	if (n > MS_MAX_PEER_ENTRIES) {
		ms_config_bad(rd, array, NULL, "which has %zu entries; accepted: at most %u", n,
			      MS_MAX_PEER_ENTRIES);
		return;
	}
	entries = ms_arena_alloc(rd->arena, n * sizeof(*entries));
	if (!entries)
		return; /* told by the arena */
	for (size_t i = 0; i < n; i++)
		read_entry(rd, ms_json_at(array, i), &entries[i]);
	config->peers = entries;
	config->n_peers = (uint32_t)n;
}

/* -- where they stay -- */

static struct ms_peer_patterns keep_patterns(struct ms_arena *arena,
					     const struct ms_peer_patterns *from)
{
	struct ms_str *list = ms_arena_alloc(arena, from->n * sizeof(*list));

	for (uint32_t i = 0; list && i < from->n; i++)
		list[i] = ms_arena_str(arena, from->list[i].p, from->list[i].len);
	return (struct ms_peer_patterns){.list = list, .n = list ? from->n : 0};
}

/**
 * ms_config_keep_peers() - the peers of @config out of the document and its lists into @arena,
 * which tells what it had no room for.
 */
void ms_config_keep_peers(struct ms_arena *arena, struct ms_config *config)
{
	struct ms_peer_entry *kept = ms_arena_alloc(arena, config->n_peers * sizeof(*kept));

	for (uint32_t i = 0; kept && i < config->n_peers; i++) {
		kept[i] = config->peers[i];
		kept[i].name = ms_arena_str(arena, kept[i].name.p, kept[i].name.len);
		kept[i].modules = keep_patterns(arena, &kept[i].modules);
		kept[i].tenants = keep_patterns(arena, &kept[i].tenants);
	}
	config->peers = kept;
}

/* -- the dump -- */

static void dump_patterns(struct ms_jw *jw, const char *key, const struct ms_peer_patterns *from)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < from->n; i++)
		ms_jw_str(jw, NULL, from->list[i]);
	ms_jw_end(jw);
}

static void dump_entry(struct ms_jw *jw, const struct ms_peer_entry *entry)
{
	const char *who = key_words[entry->is_group ? KEY_GROUP : KEY_USER];

	ms_jw_object(jw, NULL);
	if (entry->name.len)
		ms_jw_str(jw, who, entry->name);
	else
		ms_jw_uint(jw, who, entry->id);
	ms_jw_text(jw, "role", ms_role_word(entry->role));
	if (entry->role != MS_ROLE_ADMIN) {
		dump_patterns(jw, "modules", &entry->modules);
		dump_patterns(jw, "tenants", &entry->tenants);
	}
	if (entry->role == MS_ROLE_BACKEND) {
		ms_jw_text(jw, "maxTier", ms_tier_word(entry->max_tier));
		ms_jw_array(jw, "may");
		for (unsigned i = 0; ms_right_word(i); i++)
			if (entry->may & (1u << i))
				ms_jw_text(jw, NULL, ms_right_word(i));
		ms_jw_end(jw);
	}
	ms_jw_end(jw);
}

/** ms_config_dump_peers() - as ms_config_read_peers() reads them. */
void ms_config_dump_peers(struct ms_jw *jw, const char *key, const struct ms_config *config)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < config->n_peers; i++)
		dump_entry(jw, &config->peers[i]);
	ms_jw_end(jw);
}
