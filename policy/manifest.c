/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest.c - a manifest as a value: its beginning and end, its limits, and the one check that
 * whatever made it must pass. Reading is manifest-parse.c, the binary form manifest-wire.c.
 */
#include "policy/manifest.h"

#include "lib/name.h"
#include "policy/manifest-check.h"
#include "policy/manifest-fs.h"
#include "policy/manifest-life.h"
#include "policy/manifest-net.h"
#include "policy/semver.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define SEC UINT64_C(1000000)

/*
 * The lower bounds are what a program needs to start at all (Node with less than 16 descriptors
 * dies without a word); the upper ones only keep nonsense out, the tier's ceiling is what cuts.
 */
const struct ms_limit_info ms_limit_infos[MS_LIMIT_COUNT] = {
	[MS_LIMIT_MEMORY] = {"memory", MS_UNIT_BYTES, 16 * MIB, 1024 * GIB, 256 * MIB},
	[MS_LIMIT_CPU] = {"cpu", MS_UNIT_PERCENT, 1, 102400, 100},
	[MS_LIMIT_OPEN_FILES] = {"openFiles", MS_UNIT_COUNT_OF, 16, 1048576, 100},
	[MS_LIMIT_CONNECTIONS] = {"connections", MS_UNIT_COUNT_OF, 1, 1048576, 50},
	[MS_LIMIT_PROCESSES] = {"processes", MS_UNIT_COUNT_OF, 1, 1048576, 64},
	[MS_LIMIT_TMP] = {"tmp", MS_UNIT_BYTES, 64 * KIB, 1024 * GIB, 64 * MIB},
	[MS_LIMIT_DISK] = {"disk", MS_UNIT_BYTES, 1 * MIB, 1024 * GIB, 0},
	[MS_LIMIT_CPU_TIME] = {"cpuTimePerRequest", MS_UNIT_USEC, SEC / 1000, 3600 * SEC, 5 * SEC},
	[MS_LIMIT_WALL_TIME] = {"wallTimePerRequest", MS_UNIT_USEC, SEC / 1000, 86400 * SEC,
				30 * SEC},
};

/**
 * ms_manifest_new() - nothing set, every string empty, the defaults of what is not a limit
 * Return: a manifest owned by the caller, or NULL when memory is short.
 */
struct ms_manifest *ms_manifest_new(void)
{
	const struct ms_str none = {.p = "", .len = 0};
	struct ms_manifest *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->arena = MS_ARENA_INIT(MS_MAX_POLICY_BYTES);
	m->id = m->name = m->version = m->description = m->author = m->license = none;
	m->engine_platform = m->ready_http = m->health_http = none;
	m->base = (struct ms_str){.p = "host", .len = 4};
	m->start_timeout_usec = MS_START_TIMEOUT_USEC;
	m->stop_timeout_usec = MS_STOP_TIMEOUT_USEC;
	m->health_interval_usec = MS_HEALTH_INTERVAL_USEC;
	m->health_failures = MS_HEALTH_FAILURES;
	return m;
}

/**
 * ms_manifest_free() - NULL is fine
 * Return: NULL.
 */
struct ms_manifest *ms_manifest_free(struct ms_manifest *manifest)
{
	if (manifest)
		ms_arena_done(&manifest->arena);
	free(manifest);
	return NULL;
}

static bool verify_about(const struct ms_manifest *m)
{
	struct ms_semver version;

	return ms_name_is_module(m->id.p, m->id.len) &&
	       ms_semver_parse(m->version.p, m->version.len, &version) == 0 &&
	       ms_check_text(m->name, MS_MAX_TEXT_BYTES, /* lines= */ false) &&
	       ms_check_text(m->description, MS_MAX_TEXT_BYTES, /* lines= */ true) &&
	       ms_check_text(m->author, MS_MAX_TEXT_BYTES, /* lines= */ false) &&
	       ms_check_text(m->license, MS_MAX_TEXT_BYTES, /* lines= */ false) &&
	       ms_check_text(m->engine_platform, MS_MAX_RANGE_BYTES, /* lines= */ true) &&
	       ms_range_verify(m->engine_platform.p, m->engine_platform.len) &&
	       ms_name_is_module(m->base.p, m->base.len);
}

static bool verify_env(const struct ms_manifest *m)
{
	if (m->n_env > MS_MAX_ENV)
		return false;
	for (uint32_t i = 0; i < m->n_env; i++) {
		const struct ms_env_var *var = &m->env[i];

		if (!ms_check_env_name(var->name) || ms_check_env_reserved(var->name) ||
		    !ms_check_arg(var->value) ||
		    (i && ms_check_compare(m->env[i - 1].name, var->name) >= 0))
			return false;
	}
	return true;
}

static bool verify_listen(const struct ms_manifest *m)
{
	if (m->n_listen > MS_MAX_LISTEN)
		return false;
	for (uint32_t i = 0; i < m->n_listen; i++) {
		if (!ms_name_is_socket(m->listen[i].p, m->listen[i].len))
			return false;
		for (uint32_t k = 0; k < i; k++) {
			if (ms_check_compare(m->listen[k], m->listen[i]) == 0)
				return false;
		}
	}
	return true;
}

static bool verify_entry(const struct ms_manifest *m)
{
	if (!m->has_entry)
		return !m->n_argv && !m->n_env && !m->n_listen;
	if (!m->n_argv || m->n_argv > MS_MAX_ARGV || !ms_check_command(m->argv[0]))
		return false;
	for (uint32_t i = 1; i < m->n_argv; i++) {
		if (!ms_check_arg(m->argv[i]))
			return false;
	}
	return verify_env(m) && verify_listen(m);
}

/* What this build does not enforce never comes out of the parser. */
static bool verify_supported(const struct ms_manifest *m)
{
	return (m->mode == MS_MODE_SERVICE || m->mode == MS_MODE_ONESHOT) &&
	       m->start == MS_START_ALWAYS && !m->limits[MS_LIMIT_DISK].set && m->base.len == 4 &&
	       ms_check_compare(m->base, (struct ms_str){.p = "host", .len = 4}) == 0 &&
	       m->start_timeout_usec >= MS_MIN_TIMEOUT_USEC &&
	       m->start_timeout_usec <= MS_MAX_START_TIMEOUT_USEC &&
	       m->stop_timeout_usec >= MS_MIN_TIMEOUT_USEC &&
	       m->stop_timeout_usec <= MS_MAX_STOP_TIMEOUT_USEC;
}

static bool verify_limits(const struct ms_manifest *m)
{
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++) {
		const struct ms_limit *limit = &m->limits[i];

		if (limit->set ? limit->value < ms_limit_infos[i].min ||
					 limit->value > ms_limit_infos[i].max
			       : limit->value != 0)
			return false;
	}
	return !m->has_entry || m->mode != MS_MODE_SERVICE ||
	       (!m->limits[MS_LIMIT_CPU_TIME].set && !m->limits[MS_LIMIT_WALL_TIME].set);
}

/**
 * ms_manifest_verify() - could ms_manifest_parse() have made this?
 */
bool ms_manifest_verify(const struct ms_manifest *manifest)
{
	return verify_about(manifest) && verify_entry(manifest) && verify_supported(manifest) &&
	       verify_limits(manifest) && ms_manifest_fs_verify(manifest) &&
	       ms_manifest_net_verify(manifest) && ms_manifest_life_verify(manifest);
}
