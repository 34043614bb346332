/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.c - manifest cut to its tier's ceiling, each cut with its reason, and the canonical text
 * whose SHA-256 names the result. It only ever narrows: nothing here gives a module what its
 * manifest did not ask for. Called by modsupd at each start and by modsupctl explain.
 */
#include "policy/policy.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/name.h"
#include "policy/json.h"
#include "policy/manifest-net.h"
#include "policy/units.h"

#define CANONICAL_FORMAT 2 /* of the canonical text; another one is another hash */

_Static_assert(MS_MAX_NARROWINGS >= MS_LIMIT_COUNT + MS_MAX_ALLOWLIST + 3,
	       "every narrowing of one manifest has room");

/**
 * ms_limit_format() - a limit as people write it.
 * @out: at least 32 bytes.
 */
void ms_limit_format(enum ms_limit_id id, uint64_t value, char *out, size_t out_len)
{
	char text[MS_UNITS_TEXT_BYTES];

	switch (ms_limit_infos[id].unit) {
	case MS_UNIT_BYTES:
		ms_units_format(MS_UNITS_SIZE, value, text);
		break;
	case MS_UNIT_PERCENT:
		ms_units_format(MS_UNITS_PERCENT, value, text);
		break;
	case MS_UNIT_USEC:
		ms_units_format(MS_UNITS_DURATION, value, text);
		break;
	case MS_UNIT_COUNT_OF:
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value); /* fits */
		break;
	}
	(void)snprintf(out, out_len, "%s", text); /* fits: the caller has 32 bytes */
}

/* One cut; the texts live as long as the policy. */
static void narrow(struct ms_policy *policy, struct ms_narrowing narrowing)
{
	ms_assert(policy->n_narrowings < MS_MAX_NARROWINGS);
	policy->narrowings[policy->n_narrowings++] = narrowing;
}

static struct ms_str by_tier(struct ms_policy *policy)
{
	return ms_arena_strf(&policy->arena, "tier %s", ms_tier_word(policy->tier));
}

/* A limit that this mode has no use for, or that nobody set and has no default. */
static bool applies(const struct ms_manifest *manifest, enum ms_limit_id id)
{
	bool request = id == MS_LIMIT_CPU_TIME || id == MS_LIMIT_WALL_TIME;

	if (!manifest->has_entry || (request && manifest->mode == MS_MODE_SERVICE))
		return false;
	return manifest->limits[id].set || ms_limit_infos[id].dflt;
}

static void cut_limit(struct ms_policy *policy, enum ms_limit_id id, uint64_t ceiling)
{
	const struct ms_limit *limit = &policy->manifest->limits[id];
	uint64_t asked = limit->set ? limit->value : ms_limit_infos[id].dflt;
	char before[MS_UNITS_TEXT_BYTES], after[MS_UNITS_TEXT_BYTES];
	struct ms_arena *arena = &policy->arena;

	if (!applies(policy->manifest, id))
		return;
	policy->limits[id] = MS_MIN(asked, ceiling);
	if (asked <= ceiling)
		return;
	ms_limit_format(id, asked, before, sizeof(before));
	ms_limit_format(id, ceiling, after, sizeof(after));
	narrow(policy, (struct ms_narrowing){
			       .key = ms_arena_strf(arena, "limits.%s", ms_limit_infos[id].key),
			       .asked = ms_arena_strf(arena, "%s%s", before,
						      limit->set ? "" : " (the default)"),
			       .granted = ms_arena_strf(arena, "%s", after),
			       .why = by_tier(policy),
		       });
}

/* A list of names as one text. */
static struct ms_str join(struct ms_arena *arena, const struct ms_str *list, uint32_t n)
{
	struct ms_str text = {.p = "", .len = 0};

	for (uint32_t i = 0; i < n; i++)
		text = ms_arena_strf(arena, "%s%s%s", text.p, i ? ", " : "", list[i].p);
	return text;
}

static void cut_write(struct ms_policy *policy, const struct ms_ceiling *ceiling)
{
	const struct ms_manifest *m = policy->manifest;

	policy->n_write = ceiling->fs_write ? m->n_write : 0;
	if (policy->n_write == m->n_write)
		return;
	narrow(policy, (struct ms_narrowing){
			       .key = ms_arena_strf(&policy->arena, "permissions.fs.write"),
			       .asked = join(&policy->arena, m->write, m->n_write),
			       .granted = ms_arena_strf(&policy->arena, "none"),
			       .why = by_tier(policy),
		       });
}

/* "api.stripe.com:443,8443 (https)" */
static struct ms_str allow_text(struct ms_arena *arena, const struct ms_allow *allow)
{
	char ports[128] = "", protocols[48] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < allow->n_ports; i++)
		at += (size_t)snprintf(ports + at, sizeof(ports) - at, "%c%u", i ? ',' : ':',
				       allow->ports[i]); /* 16 ports fit */
	at = 0;
	for (uint32_t i = 0; i < MS_PROTO_COUNT; i++) {
		if (allow->protocols & 1u << i)
			at += (size_t)snprintf(protocols + at, sizeof(protocols) - at, "%s%s",
					       at ? " " : "", ms_protocol_words[i]); /* fit */
	}
	return ms_arena_strf(arena, "%s%s (%s)",
			     allow->domain.len ? allow->domain.p : allow->cidr.p, ports, protocols);
}

/* A grant that no tier gets from this build. */
static void cut_unbuilt(struct ms_policy *policy, const char *key, struct ms_str asked,
			const char *what, bool tier_too)
{
	struct ms_arena *arena = &policy->arena;
	const char *tier = ms_tier_word(policy->tier);

	narrow(policy, (struct ms_narrowing){
			       .key = ms_arena_strf(arena, "%s", key),
			       .asked = asked,
			       .granted = ms_arena_strf(arena, "none"),
			       .why = ms_arena_strf(arena, "%s%s%sthis version of modsup %s",
						    tier_too ? "tier " : "", tier_too ? tier : "",
						    tier_too ? "; and " : "", what),
		       });
}

static void cut_grants(struct ms_policy *policy, const struct ms_ceiling *ceiling)
{
	const struct ms_manifest *m = policy->manifest;
	struct ms_arena *arena = &policy->arena;

	for (uint32_t i = 0; i < m->n_allow; i++)
		cut_unbuilt(policy, "permissions.network.allowlist",
			    allow_text(arena, &m->allow[i]), "gives no module a network",
			    !ceiling->network);
	if (m->n_services)
		cut_unbuilt(policy, "permissions.services", join(arena, m->services, m->n_services),
			    "hands out no services", false);
	if (m->n_core)
		cut_unbuilt(policy, "permissions.core",
			    ms_arena_strf(arena, "%u path%s", m->n_core, m->n_core == 1 ? "" : "s"),
			    "has no way to the platform's core", false);
}

static void put_list(struct ms_jw *jw, const char *key, const struct ms_str *list, uint32_t n)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < n; i++)
		ms_jw_str(jw, NULL, list[i]);
	ms_jw_end(jw);
}

/* A list that, when it was not given, means everything: null is not the empty list. */
static void put_optional(struct ms_jw *jw, const char *key, bool given, const struct ms_str *list,
			 uint32_t n)
{
	if (given)
		put_list(jw, key, list, n);
	else
		ms_jw_null(jw, key);
}

static int by_env_name(const void *a, const void *b)
{
	const struct ms_env_var *x = *(const struct ms_env_var *const *)a;
	const struct ms_env_var *y = *(const struct ms_env_var *const *)b;

	return strcmp(x->name.p, y->name.p);
}

static void put_env(struct ms_jw *jw, const struct ms_manifest *m)
{
	const struct ms_env_var *sorted[MS_MAX_ENV];

	for (uint32_t i = 0; i < m->n_env; i++)
		sorted[i] = &m->env[i];
	qsort(sorted, m->n_env, sizeof(const struct ms_env_var *), by_env_name);
	ms_jw_object(jw, "env");
	for (uint32_t i = 0; i < m->n_env; i++)
		ms_jw_str(jw, sorted[i]->name.p, sorted[i]->value);
	ms_jw_end(jw);
}

static void put_limits(struct ms_jw *jw, const struct ms_policy *policy)
{
	/* by the bytes of their keys */
	static const enum ms_limit_id order[] = {
		MS_LIMIT_CONNECTIONS, MS_LIMIT_CPU,    MS_LIMIT_CPU_TIME,
		MS_LIMIT_DISK,	      MS_LIMIT_MEMORY, MS_LIMIT_OPEN_FILES,
		MS_LIMIT_PROCESSES,   MS_LIMIT_TMP,    MS_LIMIT_WALL_TIME,
	};

	_Static_assert(MS_ARRAY_LEN(order) == MS_LIMIT_COUNT, "every limit is in the hash");
	ms_jw_object(jw, "limits");
	for (size_t i = 0; i < MS_ARRAY_LEN(order); i++) {
		if (policy->limits[order[i]])
			ms_jw_uint(jw, ms_limit_infos[order[i]].key, policy->limits[order[i]]);
	}
	ms_jw_end(jw);
}

static const char *mode_word(enum ms_mode mode)
{
	static const char *const words[MS_MODE_COUNT] = {"service", "worker", "oneshot"};

	return words[mode];
}

/* How it becomes ready, as the manifest writes it. */
static void put_readiness(struct ms_jw *jw, const struct ms_manifest *m)
{
	static const char *const words[MS_READY_COUNT] = {"none", "notify", "probe"};

	if (m->readiness != MS_READY_PROBE) {
		ms_jw_text(jw, "readiness", words[m->readiness]);
		return;
	}
	ms_jw_object(jw, "readiness");
	ms_jw_str(jw, "http", m->ready_http);
	ms_jw_end(jw);
}

static void put_health(struct ms_jw *jw, const struct ms_manifest *m)
{
	if (!m->health_http.len) {
		ms_jw_null(jw, "health");
		return;
	}
	ms_jw_object(jw, "health");
	ms_jw_uint(jw, "failures", m->health_failures);
	ms_jw_str(jw, "http", m->health_http);
	ms_jw_uint(jw, "intervalUsec", m->health_interval_usec);
	ms_jw_text(jw, "then", m->health_restart ? "restart" : "report");
	ms_jw_end(jw);
}

static const char *restart_word(enum ms_restart restart)
{
	static const char *const words[MS_RESTART_COUNT] = {"on-failure", "always", "never"};

	return words[restart];
}

static const char *start_word(enum ms_start start)
{
	static const char *const words[MS_START_COUNT] = {"always", "on-demand"};

	return words[start];
}

/* How it runs: null for a module that never does. */
static void put_entry(struct ms_jw *jw, const struct ms_manifest *m)
{
	if (!m->has_entry) {
		ms_jw_null(jw, "entry");
		return;
	}
	ms_jw_object(jw, "entry");
	put_list(jw, "command", m->argv, m->n_argv);
	put_env(jw, m);
	put_health(jw, m);
	put_list(jw, "listen", m->listen, m->n_listen);
	ms_jw_text(jw, "mode", mode_word(m->mode));
	put_readiness(jw, m);
	ms_jw_text(jw, "restart", restart_word(m->restart));
	ms_jw_text(jw, "start", start_word(m->start));
	ms_jw_uint(jw, "startTimeoutUsec", m->start_timeout_usec);
	ms_jw_uint(jw, "stopTimeoutUsec", m->stop_timeout_usec);
	ms_jw_uint(jw, "watchdogUsec", m->watchdog_usec);
	ms_jw_end(jw);
}

/* Everything that decides what the module may do, keys in the order of their bytes. What was
 * narrowed away is not in it: it decides nothing. */
static void put_policy(struct ms_jw *jw, const struct ms_policy *policy)
{
	const struct ms_manifest *m = policy->manifest;

	ms_jw_object(jw, NULL);
	ms_jw_str(jw, "base", m->base);
	put_entry(jw, m);
	ms_jw_int(jw, "format", CANONICAL_FORMAT);
	ms_jw_object(jw, "fs");
	put_optional(jw, "code", m->has_code, m->code, m->n_code);
	put_optional(jw, "read", m->has_read, m->read, m->n_read);
	put_list(jw, "write", m->write, policy->n_write);
	ms_jw_end(jw);
	ms_jw_str(jw, "id", m->id);
	put_limits(jw, policy);
	ms_jw_array(jw, "network");
	ms_jw_end(jw);
	ms_jw_str(jw, "tenant", policy->tenant);
	ms_jw_text(jw, "tier", ms_tier_word(policy->tier));
	ms_jw_str(jw, "version", m->version);
	ms_jw_end(jw);
}

static int make_canonical(struct ms_policy *policy, struct ms_error *err)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return ms_error_set(err, ENOMEM, "policy of '%s'", policy->manifest->id.p);
	put_policy(jw, policy);
	policy->canonical = ms_jw_take(jw, MS_JW_LINE, &policy->canonical_len);
	if (!policy->canonical || policy->arena.error)
		return ms_error_set(err, ENOMEM, "policy of '%s'", policy->manifest->id.p);
	if (policy->canonical_len > MS_MAX_POLICY_BYTES)
		return ms_error_say(err, E2BIG, MS_REASON_MANIFEST_INVALID,
				    "policy of '%s': %zu bytes, at most %u are accepted",
				    policy->manifest->id.p, policy->canonical_len,
				    MS_MAX_POLICY_BYTES);
	return crypto_hash_sha256(policy->hash, (const unsigned char *)policy->canonical,
				  policy->canonical_len);
}

/* May there be such a module in this tier, for this tenant, at all? */
static int admit(const struct ms_manifest *manifest, const struct ms_config *config,
		 enum ms_tier tier, struct ms_str tenant, struct ms_error *err)
{
	if ((unsigned)tier >= MS_TIER_COUNT)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "module '%s': there is no tier %d", manifest->id.p, (int)tier);
	if (!ms_name_is_tenant(tenant.p, tenant.len))
		return ms_error_say(
			err, EINVAL, MS_REASON_PARAMS_INVALID,
			"module '%s': a tenant is 1 to %u characters of A-Z a-z 0-9 . _ "
			": - and does not begin with a dot",
			manifest->id.p, MS_MAX_TENANT_BYTES);
	if (tier == MS_TIER_PRIVATE && !config->trust_private) {
		(void)ms_error_say(err, EACCES, MS_REASON_TIER_FORBIDS,
				   "module '%s': the tier private is not trusted on this host",
				   manifest->id.p); /* its code is returned below */
		(void)ms_error_hint(err,
				    "set \"trustPrivate\": true in modsupd.json, or choose the "
				    "tier community"); /* as above */
		return -EACCES;
	}
	return 0;
}

/**
 * ms_policy_build() - see policy.h.
 *
 * Return: 0, or -errno with @err filled.
 */
int ms_policy_build(const struct ms_manifest *manifest, const struct ms_config *config,
		    enum ms_tier tier, struct ms_str tenant, struct ms_policy **ret,
		    struct ms_error *err)
{
	ms_auto(policy) struct ms_policy *policy = NULL;
	const struct ms_ceiling *ceiling;
	int r = admit(manifest, config, tier, tenant, err);

	if (r < 0)
		return r;
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return ms_error_set(err, ENOMEM, "policy of '%s'", manifest->id.p);
	policy->arena = MS_ARENA_INIT(MS_MAX_POLICY_BYTES);
	policy->manifest = manifest;
	policy->tier = tier;
	policy->tenant = ms_arena_str(&policy->arena, tenant.p, tenant.len);
	ceiling = &config->tiers[tier];
	for (enum ms_limit_id id = 0; id < MS_LIMIT_COUNT; id++)
		cut_limit(policy, id, ceiling->limits[id]);
	cut_write(policy, ceiling);
	cut_grants(policy, ceiling);
	r = make_canonical(policy, err);
	if (r < 0)
		return r;
	*ret = MS_TAKE_PTR(policy);
	return 0;
}

/**
 * ms_policy_free() - NULL is fine; the manifest stays its owner's.
 *
 * Return: NULL, to store back.
 */
struct ms_policy *ms_policy_free(struct ms_policy *policy)
{
	if (!policy)
		return NULL;
	ms_arena_done(&policy->arena);
	free(policy->canonical);
	free(policy);
	return NULL;
}
