/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.c - the administrator's configuration as a value: the shipped defaults, one file laid over
 * what is there (all of it or nothing), and the dump that reads back as itself. It opens no file;
 * modsupd and modsupctl bring the bytes.
 */
#include "policy/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/config-rows.h"
#include "policy/json.h"
#include "policy/units.h"

#define KIB	   UINT64_C(1024)
#define MIB	   (KIB * KIB)
#define GIB	   (KIB * MIB)
#define SEC	   UINT64_C(1000000)
#define MAX_LEVELS 8u /* of nesting in a configuration file */
/* Lists are larger in memory than in a file, and each file's stay. */
#define ARENA_BYTES (16u * MS_MAX_CONFIG_BYTES)

static const char *const tier_words[MS_TIER_COUNT] = {
	[MS_TIER_COMMUNITY] = "community",
	[MS_TIER_VERIFIED] = "verified",
	[MS_TIER_PRIVATE] = "private",
};

static const char *const layer_words[MS_OPT_COUNT] = {
	[MS_OPT_LANDLOCK] = "landlock",	      [MS_OPT_MEMFD_NOEXEC] = "memfd-noexec",
	[MS_OPT_CGROUP_CPU] = "cgroup-cpu",   [MS_OPT_CGROUP_MEMORY] = "cgroup-memory",
	[MS_OPT_CGROUP_PIDS] = "cgroup-pids",
};

/* Signed by a trusted key, or the owner's own: full permissions. */
static const struct ms_ceiling full_ceiling = {
	.limits = {[MS_LIMIT_MEMORY] = 8 * GIB,
		   [MS_LIMIT_CPU] = 800,
		   [MS_LIMIT_OPEN_FILES] = 4096,
		   [MS_LIMIT_CONNECTIONS] = 1000,
		   [MS_LIMIT_PROCESSES] = 1024,
		   [MS_LIMIT_TMP] = 1 * GIB,
		   [MS_LIMIT_DISK] = 16 * GIB,
		   [MS_LIMIT_CPU_TIME] = 60 * SEC,
		   [MS_LIMIT_WALL_TIME] = 600 * SEC},
	.network = true,
	.fs_write = true,
};

static const struct ms_ceiling community_ceiling = {
	.limits = {[MS_LIMIT_MEMORY] = 256 * MIB,
		   [MS_LIMIT_CPU] = 100,
		   [MS_LIMIT_OPEN_FILES] = 256,
		   [MS_LIMIT_CONNECTIONS] = 50,
		   [MS_LIMIT_PROCESSES] = 128,
		   [MS_LIMIT_TMP] = 128 * MIB,
		   [MS_LIMIT_DISK] = 1 * GIB,
		   [MS_LIMIT_CPU_TIME] = 5 * SEC,
		   [MS_LIMIT_WALL_TIME] = 30 * SEC},
	.network = false,
	.fs_write = true,
};

/**
 * ms_tier_word() - a tier as people write it.
 */
const char *ms_tier_word(enum ms_tier tier)
{
	return (unsigned)tier < MS_TIER_COUNT ? tier_words[tier] : "?";
}

/**
 * ms_opt_layer_word() - a layer as people write it.
 */
const char *ms_opt_layer_word(enum ms_opt_layer layer)
{
	return (unsigned)layer < MS_OPT_COUNT ? layer_words[layer] : "?";
}

/**
 * ms_tier_parse() - a tier's word.
 *
 * Return: 0 or -EINVAL.
 */
int ms_tier_parse(const char *p, size_t len, enum ms_tier *ret)
{
	for (enum ms_tier tier = 0; tier < MS_TIER_COUNT; tier++) {
		if (strlen(tier_words[tier]) != len || memcmp(tier_words[tier], p, len) != 0)
			continue;
		*ret = tier;
		return 0;
	}
	return -EINVAL;
}

/**
 * ms_config_new() - the shipped defaults.
 *
 * Return: owned by the caller, or NULL.
 */
struct ms_config *ms_config_new(void)
{
	struct ms_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->arena = MS_ARENA_INIT(ARENA_BYTES);
	config->tiers[MS_TIER_COMMUNITY] = community_ceiling;
	config->tiers[MS_TIER_VERIFIED] = full_ceiling;
	config->tiers[MS_TIER_PRIVATE] = full_ceiling;
	config->default_tier = MS_TIER_COMMUNITY;
	/* Debian 12's own kernel is older; such a host is told of it at each start */
	config->optional[MS_OPT_MEMFD_NOEXEC] = true;
	config->id_first = 1900000000; /* above what systemd-nspawn takes (1879048191) */
	config->id_count = 65536;
	config->cgroup_parent = (struct ms_str){.p = "", .len = 0};
	config->max_instances = MS_MAX_INSTANCES;
	config->tarpit_after = 100;
	config->tarpit_usec = 10000;
	config->kill_after = 5000;
	config->restart_delay_usec = SEC / 5;
	config->restart_max_delay_usec = 60 * SEC;
	config->restart_window_usec = 600 * SEC;
	config->restart_limit = 10;
	config->host_processes = 32768;
	config->host_cpu_weight = 50;
	config->overcommit_memory = 200;
	return config;
}

/**
 * ms_config_free() - NULL is fine.
 *
 * Return: NULL, to store back.
 */
struct ms_config *ms_config_free(struct ms_config *config)
{
	if (!config)
		return NULL;
	ms_arena_done(&config->arena);
	free(config);
	return NULL;
}

/* An error of the whole, at the place of the key that this file brought, or of the document. */
MS_PRINTF(5, 6)
static void conflict(const struct ms_doc *doc, struct ms_report *report, const char *key,
		     const char *hint, const char *fmt, ...)
{
	const struct ms_json *value = ms_json_get(ms_doc_root(doc), key);
	uint32_t line, column;
	struct ms_str pointer;
	char msg[256];
	va_list ap;

	ms_doc_where(doc, value ? value : ms_doc_root(doc), &line, &column, &pointer);
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	ms_report_add(report, MS_REASON_CONFIG_INVALID, line, column, pointer, hint, "%s", msg);
}

/* What only shows when all keys of this and earlier files are together. */
static void check_whole(const struct ms_doc *doc, struct ms_report *report,
			const struct ms_config *config)
{
	uint64_t last = (uint64_t)config->id_first + config->id_count - 1;
	char low[MS_UNITS_TEXT_BYTES], high[MS_UNITS_TEXT_BYTES];

	if (last > MS_CONFIG_ID_MAX)
		conflict(doc, report, "ids", NULL,
			 "found ids %u to %llu; ids above %u are not accepted", config->id_first,
			 (unsigned long long)last, MS_CONFIG_ID_MAX);
	if (config->id_count / 2 < config->max_instances)
		conflict(doc, report, ms_json_get(ms_doc_root(doc), "ids") ? "ids" : "maxInstances",
			 "raise ids.count or lower maxInstances",
			 "found %u ids for %u instances; each instance takes two", config->id_count,
			 config->max_instances);
	if (config->restart_delay_usec > config->restart_max_delay_usec)
		conflict(doc, report, "restart", "raise restart.maxDelay or lower restart.delay",
			 "found a delay of %s that is above maxDelay, %s",
			 ms_units_format(MS_UNITS_DURATION, config->restart_delay_usec, low),
			 ms_units_format(MS_UNITS_DURATION, config->restart_max_delay_usec, high));
	if (config->default_tier == MS_TIER_PRIVATE && !config->trust_private)
		conflict(doc, report, "defaultTier", "add \"trustPrivate\": true",
			 "found the default tier private, which needs trustPrivate");
}

/* Paths that this file brought outlive it. */
static void keep_folders(struct ms_config *config, struct ms_config *next)
{
	for (uint32_t i = 0; i < next->n_module_folders; i++) {
		struct ms_str *path = &next->module_folders[i];

		if (i >= config->n_module_folders || config->module_folders[i].p != path->p)
			*path = ms_arena_str(&config->arena, path->p, path->len);
	}
}

/**
 * ms_config_apply() - one file over what is there, with the names of peers unknown.
 *
 * Return: as ms_config_apply_here().
 */
int ms_config_apply(struct ms_config *config, const char *data, size_t len,
		    struct ms_report *report)
{
	return ms_config_apply_here(config, data, len, /* names= */ NULL, report);
}

/**
 * ms_config_apply_here() - one file over what is there; nothing of it when anything is wrong.
 *
 * Return: 0, MS_CONFIG_INVALID with the errors in @report, or -ENOMEM.
 */
int ms_config_apply_here(struct ms_config *config, const char *data, size_t len,
			 const struct ms_peer_names *names, struct ms_report *report)
{
	const struct ms_doc_limits limits = {.max_bytes = MS_MAX_CONFIG_BYTES,
					     .max_depth = MAX_LEVELS};
	struct ms_config next = *config; /* a draft; its arena is not used */
	ms_auto(doc) struct ms_doc *doc = NULL;
	ms_auto(arena) struct ms_arena lists = MS_ARENA_INIT(ARENA_BYTES);
	struct ms_config_reader rd = {.report = report, .names = names, .arena = &lists};
	uint32_t before = report->n_diags + report->n_dropped;
	int r = ms_doc_parse(data, len, limits, MS_REASON_CONFIG_INVALID, report, &doc);

	if (r)
		return r < 0 ? r : MS_CONFIG_INVALID;
	rd.doc = doc;
	ms_config_read(&rd, &next);
	if (lists.error)
		return lists.error;
	if (report->n_diags + report->n_dropped == before)
		check_whole(doc, report, &next);
	if (report->n_diags + report->n_dropped != before)
		return MS_CONFIG_INVALID;
	if (next.cgroup_parent.p != config->cgroup_parent.p)
		next.cgroup_parent =
			ms_arena_str(&config->arena, next.cgroup_parent.p, next.cgroup_parent.len);
	keep_folders(config, &next);
	if (next.peers != config->peers)
		ms_config_keep_peers(&config->arena, &next);
	if (config->arena.error)
		return config->arena.error;
	next.arena = config->arena;
	*config = next;
	return 0;
}

static void dump_quantity(struct ms_jw *jw, const char *key, enum ms_units_kind kind, uint64_t v)
{
	char text[MS_UNITS_TEXT_BYTES];

	ms_jw_text(jw, key, ms_units_format(kind, v, text));
}

static void dump_limits(struct ms_jw *jw, const char *key, const uint64_t *limits)
{
	ms_jw_object(jw, key);
	for (size_t i = 0; i < MS_LIMIT_COUNT; i++) {
		const struct ms_limit_info *info = &ms_limit_infos[i];

		switch (info->unit) {
		case MS_UNIT_BYTES:
			dump_quantity(jw, info->key, MS_UNITS_SIZE, limits[i]);
			break;
		case MS_UNIT_PERCENT:
			dump_quantity(jw, info->key, MS_UNITS_PERCENT, limits[i]);
			break;
		case MS_UNIT_USEC:
			dump_quantity(jw, info->key, MS_UNITS_DURATION, limits[i]);
			break;
		case MS_UNIT_COUNT_OF:
			ms_jw_uint(jw, info->key, limits[i]);
			break;
		}
	}
	ms_jw_end(jw);
}

static void dump_folders(struct ms_jw *jw, const char *key, const struct ms_config *config)
{
	ms_jw_array(jw, key);
	for (uint32_t i = 0; i < config->n_module_folders; i++)
		ms_jw_str(jw, NULL, config->module_folders[i]);
	ms_jw_end(jw);
}

static void dump_rows(struct ms_jw *jw, const struct ms_config_row *rows, const char *base);

static void dump_row(struct ms_jw *jw, const struct ms_config_row *row, const char *base)
{
	const void *at = base + row->offset;

	switch (row->kind) {
	case MS_CONFIG_OBJECT:
		ms_jw_object(jw, row->key);
		dump_rows(jw, row->rows, at);
		ms_jw_end(jw);
		return;
	case MS_CONFIG_LIMITS:
		dump_limits(jw, row->key, at);
		return;
	case MS_CONFIG_BOOL:
		ms_jw_bool(jw, row->key, *(const bool *)at);
		return;
	case MS_CONFIG_U32:
		ms_jw_uint(jw, row->key, *(const uint32_t *)at);
		return;
	case MS_CONFIG_U64:
		ms_jw_uint(jw, row->key, *(const uint64_t *)at);
		return;
	case MS_CONFIG_USEC:
		dump_quantity(jw, row->key, MS_UNITS_DURATION, *(const uint64_t *)at);
		return;
	case MS_CONFIG_SIZE:
		dump_quantity(jw, row->key, MS_UNITS_SIZE, *(const uint64_t *)at);
		return;
	case MS_CONFIG_PERCENT:
		dump_quantity(jw, row->key, MS_UNITS_PERCENT, *(const uint32_t *)at);
		return;
	case MS_CONFIG_TIER:
		ms_jw_text(jw, row->key, ms_tier_word(*(const enum ms_tier *)at));
		return;
	case MS_CONFIG_LAYERS:
		ms_jw_array(jw, row->key);
		for (enum ms_opt_layer layer = 0; layer < MS_OPT_COUNT; layer++) {
			if (((const bool *)at)[layer])
				ms_jw_text(jw, NULL, ms_opt_layer_word(layer));
		}
		ms_jw_end(jw);
		return;
	case MS_CONFIG_CGROUP:
		ms_jw_str(jw, row->key, *(const struct ms_str *)at);
		return;
	case MS_CONFIG_FOLDERS:
		dump_folders(jw, row->key, at);
		return;
	case MS_CONFIG_ON_STOP:
		ms_jw_text(jw, row->key,
			   ((const struct ms_config *)at)->stop_with_daemon ? "stop" : "keep");
		return;
	case MS_CONFIG_PEERS:
		ms_config_dump_peers(jw, row->key, at);
		return;
	}
	ms_assert(false);
}

static void dump_rows(struct ms_jw *jw, const struct ms_config_row *rows, const char *base)
{
	for (const struct ms_config_row *row = rows; row->key; row++) {
		char remark[40];

		(void)snprintf(remark, sizeof(remark), "x-%s", row->key); /* fits: our own keys */
		if (row->about)
			ms_jw_text(jw, remark, row->about);
		dump_row(jw, row, base);
	}
}

/**
 * ms_config_dump() - a configuration as a file that ms_config_apply() reads back, each key with a
 * remark before it.
 *
 * Return: indented JSON owned by the caller, or NULL.
 */
char *ms_config_dump(const struct ms_config *config)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	dump_rows(jw, ms_config_rows, (const char *)config);
	ms_jw_end(jw);
	return ms_jw_take(jw, MS_JW_PRETTY, NULL);
}
