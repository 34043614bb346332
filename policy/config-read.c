/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-read.c - the rows of modsupd.json and how a value of each kind is read: strictly, every
 * error told. It writes into the copy that ms_config_apply() gives it, which throws it away when
 * anything was wrong. Called by config.c only.
 */
#include "policy/config-rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "policy/nearest.h"
#include "policy/units.h"

#define MAX_RATE  1000000u
#define MAX_KILLS 1000000000u
#define MS	  UINT64_C(1000)
#define SEC	  UINT64_C(1000000)
#define HOUR	  (3600 * SEC)
#define MAX_PIDS  4194304u /* of any 64-bit kernel */
#define TIB	  (UINT64_C(1) << 40)

static const struct ms_config_row ceiling_rows[] = {
	{"limits", MS_CONFIG_LIMITS, offsetof(struct ms_ceiling, limits)},
	{"network", MS_CONFIG_BOOL, offsetof(struct ms_ceiling, network)},
	{"fsWrite", MS_CONFIG_BOOL, offsetof(struct ms_ceiling, fs_write)},
	{0},
};

#define TIER(id) offsetof(struct ms_config, tiers) + (id) * sizeof(struct ms_ceiling)
static const struct ms_config_row tier_rows[] = {
	{"verified", MS_CONFIG_OBJECT, TIER(MS_TIER_VERIFIED), .rows = ceiling_rows},
	{"community", MS_CONFIG_OBJECT, TIER(MS_TIER_COMMUNITY), .rows = ceiling_rows},
	{"private", MS_CONFIG_OBJECT, TIER(MS_TIER_PRIVATE), .rows = ceiling_rows},
	{0},
};

static const struct ms_config_row id_rows[] = {
	{"first", MS_CONFIG_U32, offsetof(struct ms_config, id_first), MS_CONFIG_ID_MIN,
	 MS_CONFIG_ID_MAX},
	{"count", MS_CONFIG_U32, offsetof(struct ms_config, id_count), 2,
	 MS_CONFIG_ID_MAX - MS_CONFIG_ID_MIN + 1},
	{0},
};

static const struct ms_config_row cgroup_rows[] = {
	{"parent", MS_CONFIG_CGROUP, offsetof(struct ms_config, cgroup_parent)},
	{0},
};

static const struct ms_config_row violation_rows[] = {
	{"tarpitAfter", MS_CONFIG_U64, offsetof(struct ms_config, tarpit_after), 1, MAX_RATE},
	{"tarpitDelay", MS_CONFIG_USEC, offsetof(struct ms_config, tarpit_usec), 1000, 10000000},
	{"killAfter", MS_CONFIG_U64, offsetof(struct ms_config, kill_after), 1, MAX_KILLS},
	{0},
};

static const struct ms_config_row restart_rows[] = {
	{"delay", MS_CONFIG_USEC, offsetof(struct ms_config, restart_delay_usec), 10 * MS, HOUR},
	{"maxDelay", MS_CONFIG_USEC, offsetof(struct ms_config, restart_max_delay_usec), 10 * MS,
	 24 * HOUR},
	{"startLimit", MS_CONFIG_U32, offsetof(struct ms_config, restart_limit), 0,
	 MS_MAX_RESTART_LIMIT},
	{"startWindow", MS_CONFIG_USEC, offsetof(struct ms_config, restart_window_usec), SEC,
	 24 * HOUR},
	{0},
};

static const struct ms_config_row reserve_rows[] = {
	{"memory", MS_CONFIG_SIZE, offsetof(struct ms_config, reserve_memory), 0, TIB},
	{"disk", MS_CONFIG_SIZE, offsetof(struct ms_config, reserve_disk), 0, TIB},
	{0},
};

static const struct ms_config_row overcommit_rows[] = {
	{"memory", MS_CONFIG_PERCENT, offsetof(struct ms_config, overcommit_memory), 10, 100000},
	{0},
};

static const struct ms_config_row host_rows[] = {
	{"reserve", MS_CONFIG_OBJECT, 0, .rows = reserve_rows},
	{"processes", MS_CONFIG_U32, offsetof(struct ms_config, host_processes), 64, MAX_PIDS},
	{"cpuWeight", MS_CONFIG_U32, offsetof(struct ms_config, host_cpu_weight), 1, 10000},
	{"overcommit", MS_CONFIG_OBJECT, 0, .rows = overcommit_rows},
	{0},
};

const struct ms_config_row ms_config_rows[] = {
	{"tiers", MS_CONFIG_OBJECT, 0, .rows = tier_rows,
	 .about = "the most that a module of each tier gets, whatever its manifest asks for"},
	{"defaultTier", MS_CONFIG_TIER, offsetof(struct ms_config, default_tier),
	 .about = "the tier of a module folder that is started by its path"},
	{"trustPrivate", MS_CONFIG_BOOL, offsetof(struct ms_config, trust_private),
	 .about = "whether the tier private may be used, at the owner's risk"},
	{"optionalLayers", MS_CONFIG_LAYERS, offsetof(struct ms_config, optional),
	 .about = "layers that modules may start without where this host lacks them: landlock, "
		  "memfd-noexec, cgroup-cpu, cgroup-memory, cgroup-pids"},
	{"moduleFolders", MS_CONFIG_FOLDERS, 0,
	 .about = "folders that hold modules, each in a folder named by its id; where a module "
		  "that is started by name is looked for, in this order"},
	{"ids", MS_CONFIG_OBJECT, 0, .rows = id_rows,
	 .about =
		 "host user and group ids for modules, two for each running instance; nothing else "
		 "on the host may use them"},
	{"cgroup", MS_CONFIG_OBJECT, 0, .rows = cgroup_rows,
	 .about = "the cgroup that modules are put under; empty: modsupd finds its own"},
	{"maxInstances", MS_CONFIG_U32, offsetof(struct ms_config, max_instances), 1,
	 MS_MAX_INSTANCES, .about = "instances that run at once"},
	{"onStop", MS_CONFIG_ON_STOP, 0,
	 .about = "what becomes of modules when modsupd is stopped: keep or stop; a crash or a "
		  "kill of modsupd stops none"},
	{"restart", MS_CONFIG_OBJECT, 0, .rows = restart_rows,
	 .about = "a module that failed is started again after delay, doubled each time up to "
		  "maxDelay; after startLimit starts in startWindow (0: never) it is left "
		  "alone"},
	{"host", MS_CONFIG_OBJECT, 0, .rows = host_rows,
	 .about = "the host's own share: memory and disk that modules leave free (memory 0: a "
		  "tenth of it, at least 512M), processes of all modules, their weight against "
		  "the system's 100, and how far the sum of their memory limits may go"},
	{"violations", MS_CONFIG_OBJECT, 0, .rows = violation_rows,
	 .about = "a module with more than tarpitAfter refused calls in a second waits tarpitDelay "
		  "for each answer, and is killed after killAfter such answers"},
	{"peers", MS_CONFIG_PEERS, 0,
	 .about = "who may connect to the control sockets beside root, as what and for which "
		  "modules; the first entry that fits a peer counts"},
	{0},
};

/* What stands there, for a message. */
static const char *found(const struct ms_json *value, char *out, size_t out_len)
{
	enum ms_json_type type = ms_json_type(value);
	char shown[64];

	if (type == MS_JSON_STRING) {
		struct ms_str s = ms_json_str(value);

		(void)snprintf(out, out_len, "\"%s\"%s",
			       ms_log_quote(s.p, MS_MIN(s.len, (size_t)40), shown, sizeof(shown)),
			       s.len > 40 ? "..." : ""); /* cut is fine */
	} else if (type == MS_JSON_INT) {
		(void)snprintf(out, out_len, "%lld", (long long)ms_json_int(value)); /* fits */
	} else if (type == MS_JSON_BOOL) {
		(void)snprintf(out, out_len, "%s",
			       ms_json_bool(value) ? "true" : "false"); /* fits */
	} else {
		(void)snprintf(out, out_len, "%s", ms_json_type_word(type)); /* fits */
	}
	return out;
}

/** ms_config_bad() - one error: "found X, " and the rest. */
void ms_config_bad(struct ms_config_reader *rd, const struct ms_json *value, const char *hint,
		   const char *fmt, ...)
{
	char what[100], rest[360];
	uint32_t line, column;
	struct ms_str pointer;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rest, sizeof(rest), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	ms_doc_where(rd->doc, value, &line, &column, &pointer);
	ms_report_add(rd->report, MS_REASON_CONFIG_INVALID, line, column, pointer, hint,
		      "found %s, %s", found(value, what, sizeof(what)), rest);
}

/** ms_config_is_type() - else told. */
bool ms_config_is_type(struct ms_config_reader *rd, const struct ms_json *value,
		       enum ms_json_type type)
{
	if (ms_json_type(value) == type)
		return true;
	ms_config_bad(rd, value, NULL, "which is not %s", ms_json_type_word(type));
	return false;
}

/** ms_config_is_remark() - "x-": for people. */
bool ms_config_is_remark(struct ms_str key)
{
	return key.len >= 2 && key.p[0] == 'x' && key.p[1] == '-';
}

/** ms_config_str_is() - the same bytes? */
bool ms_config_str_is(struct ms_str s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

/** ms_config_unknown_key() - @nearest has seen the known ones, @known names them. */
void ms_config_unknown_key(struct ms_config_reader *rd, const struct ms_json *value,
			   struct ms_str key, const struct ms_nearest *nearest, const char *known)
{
	char hint[MS_NEAREST_HINT_BYTES], shown[64];
	uint32_t line, column;
	struct ms_str pointer;

	ms_doc_where_key(rd->doc, value, &line, &column, &pointer);
	ms_report_add(rd->report, MS_REASON_CONFIG_INVALID, line, column, pointer,
		      ms_nearest_hint(nearest, hint),
		      "found the key \"%s\", which is not known; accepted: %s",
		      ms_log_quote(key.p, MS_MIN(key.len, (size_t)40), shown, sizeof(shown)),
		      known);
}

/* An integer or a text with a unit, within bounds; false when told. */
static bool read_quantity(struct ms_config_reader *rd, const struct ms_json *value,
			  enum ms_units_kind kind, uint64_t min, uint64_t max, uint64_t *ret)
{
	char lo[MS_UNITS_TEXT_BYTES], hi[MS_UNITS_TEXT_BYTES];
	struct ms_str s;
	uint64_t v;
	int r;

	if (kind == MS_UNITS_SIZE && ms_json_type(value) == MS_JSON_INT) {
		v = ms_json_int(value) < 0 ? 0 : (uint64_t)ms_json_int(value);
	} else if (ms_json_type(value) != MS_JSON_STRING) {
		ms_config_bad(rd, value, NULL, "which is not %s", ms_units_accepted(kind));
		return false;
	} else {
		s = ms_json_str(value);
		r = ms_units_parse(kind, s.p, s.len, &v);
		if (r > 0) {
			ms_config_bad(rd, value, NULL, "%s",
				      ms_units_why(kind, (enum ms_units_result)r));
			return false;
		}
	}
	if (v < min || v > max) {
		ms_config_bad(rd, value, NULL, "which is out of range; accepted: %s to %s",
			      ms_units_format(kind, min, lo), ms_units_format(kind, max, hi));
		return false;
	}
	*ret = v;
	return true;
}

/* Per cent of something else than a core, which is what units.h speaks of. */
static void read_percent(struct ms_config_reader *rd, const struct ms_json *value,
			 const struct ms_config_row *row, uint32_t *ret)
{
	struct ms_str s = {.p = "", .len = 0};
	uint64_t v;

	if (ms_json_type(value) == MS_JSON_STRING)
		s = ms_json_str(value);
	if (ms_units_parse(MS_UNITS_PERCENT, s.p, s.len, &v) != 0 || v < row->min || v > row->max)
		ms_config_bad(rd, value, NULL,
			      "which is not accepted; whole per cent from \"%llu%%\" to \"%llu%%\" "
			      "are, as a text",
			      (unsigned long long)row->min, (unsigned long long)row->max);
	else
		*ret = (uint32_t)v;
}

static bool read_count(struct ms_config_reader *rd, const struct ms_json *value, uint64_t min,
		       uint64_t max, uint64_t *ret)
{
	int64_t v;

	if (!ms_config_is_type(rd, value, MS_JSON_INT))
		return false;
	v = ms_json_int(value);
	if (v < 0 || (uint64_t)v < min || (uint64_t)v > max) {
		ms_config_bad(rd, value, NULL, "which is out of range; accepted: %llu to %llu",
			      (unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*ret = (uint64_t)v;
	return true;
}

static void read_limit(struct ms_config_reader *rd, const struct ms_json *value,
		       const struct ms_limit_info *info, uint64_t *ret)
{
	switch (info->unit) {
	case MS_UNIT_BYTES:
		(void)read_quantity(rd, value, MS_UNITS_SIZE, info->min, info->max, ret); /* told */
		return;
	case MS_UNIT_PERCENT:
		(void)read_quantity(rd, value, MS_UNITS_PERCENT, info->min, info->max,
				    ret); /* told */
		return;
	case MS_UNIT_USEC:
		(void)read_quantity(rd, value, MS_UNITS_DURATION, info->min, info->max,
				    ret); /* told */
		return;
	case MS_UNIT_COUNT_OF:
		(void)read_count(rd, value, info->min, info->max, ret); /* told */
		return;
	}
}

static void read_limits(struct ms_config_reader *rd, const struct ms_json *object, uint64_t *limits)
{
	if (!ms_config_is_type(rd, object, MS_JSON_OBJECT))
		return;
	for (size_t i = 0; i < ms_json_count(object); i++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);
		struct ms_nearest nearest = ms_nearest_init(key);
		size_t id = 0;

		for (; id < MS_LIMIT_COUNT && !ms_config_str_is(key, ms_limit_infos[id].key); id++)
			ms_nearest_try(&nearest, ms_limit_infos[id].key);
		if (id < MS_LIMIT_COUNT)
			read_limit(rd, value, &ms_limit_infos[id], &limits[id]);
		else if (!ms_config_is_remark(key))
			ms_config_unknown_key(
				rd, value, key, &nearest,
				"memory, cpu, openFiles, connections, processes, tmp, disk, "
				"cpuTimePerRequest, wallTimePerRequest");
	}
}

static void read_tier(struct ms_config_reader *rd, const struct ms_json *value, enum ms_tier *ret)
{
	char hint[MS_NEAREST_HINT_BYTES];
	struct ms_nearest nearest;
	struct ms_str word;

	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return;
	word = ms_json_str(value);
	if (ms_tier_parse(word.p, word.len, ret) == 0)
		return;
	nearest = ms_nearest_init(word);
	for (enum ms_tier tier = 0; tier < MS_TIER_COUNT; tier++)
		ms_nearest_try(&nearest, ms_tier_word(tier));
	ms_config_bad(rd, value, ms_nearest_hint(&nearest, hint),
		      "which is not a tier; accepted: community, verified, private");
}

static void read_layer(struct ms_config_reader *rd, const struct ms_json *value, bool *layers)
{
	struct ms_str word = ms_json_str(value);
	struct ms_nearest nearest = ms_nearest_init(word);
	char hint[MS_NEAREST_HINT_BYTES];

	for (enum ms_opt_layer layer = 0; layer < MS_OPT_COUNT; layer++) {
		ms_nearest_try(&nearest, ms_opt_layer_word(layer));
		if (!ms_config_str_is(word, ms_opt_layer_word(layer)))
			continue;
		if (layers[layer])
			ms_config_bad(rd, value, "remove one of the two",
				      "which stands there already");
		layers[layer] = true;
		return;
	}
	ms_config_bad(
		rd, value, ms_nearest_hint(&nearest, hint),
		"which is not a layer that may be optional; accepted: landlock, memfd-noexec, "
		"cgroup-cpu, cgroup-memory, cgroup-pids");
}

/* The array replaces what an earlier file said. */
static void read_layers(struct ms_config_reader *rd, const struct ms_json *array, bool *ret)
{
	bool layers[MS_OPT_COUNT] = {0};

	if (!ms_config_is_type(rd, array, MS_JSON_ARRAY))
		return;
	for (size_t i = 0; i < ms_json_count(array); i++) {
		const struct ms_json *value = ms_json_at(array, i);

		if (ms_config_is_type(rd, value, MS_JSON_STRING))
			read_layer(rd, value, layers);
	}
	memcpy(ret, layers, sizeof(layers));
}

static void read_cgroup(struct ms_config_reader *rd, const struct ms_json *value,
			struct ms_str *ret)
{
	struct ms_str path;

	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return;
	path = ms_json_str(value);
	if (path.len && (path.p[0] != '/' || !ms_path_is_clean(path.p + 1, path.len - 1)))
		ms_config_bad(
			rd, value, NULL,
			"which is not the path of a cgroup; accepted: an absolute path below the "
			"cgroup root without \".\", \"..\" and empty parts, such as "
			"\"/modsup.slice\", "
			"or \"\" to find one");
	*ret = path;
}

/* One folder of modules; false when told. */
static bool read_folder(struct ms_config_reader *rd, const struct ms_json *value,
			const struct ms_config *config)
{
	struct ms_str path;

	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return false;
	path = ms_json_str(value);
	if (!path.len || path.p[0] != '/' || !ms_path_is_clean(path.p + 1, path.len - 1)) {
		ms_config_bad(rd, value, NULL,
			      "which is not the path of a folder; accepted: an absolute path "
			      "without \".\", \"..\", empty parts and a slash at its end, such as "
			      "\"/srv/modules\"");
		return false;
	}
	for (uint32_t i = 0; i < config->n_module_folders; i++) {
		struct ms_str other = config->module_folders[i];

		if (other.len != path.len || memcmp(other.p, path.p, path.len) != 0)
			continue;
		ms_config_bad(rd, value, "remove one of the two", "which stands there already");
		return false;
	}
	return true;
}

/* The array replaces what an earlier file said. */
static void read_folders(struct ms_config_reader *rd, const struct ms_json *array,
			 struct ms_config *config)
{
	size_t n;

	if (!ms_config_is_type(rd, array, MS_JSON_ARRAY))
		return;
	n = ms_json_count(array);
	config->n_module_folders = 0;
	if (n > MS_MAX_MODULE_FOLDERS) {
		ms_config_bad(rd, array, NULL, "which has %zu entries; accepted: at most %u", n,
			      MS_MAX_MODULE_FOLDERS);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct ms_json *value = ms_json_at(array, i);

		if (read_folder(rd, value, config))
			config->module_folders[config->n_module_folders++] = ms_json_str(value);
	}
}

static void read_on_stop(struct ms_config_reader *rd, const struct ms_json *value,
			 struct ms_config *config)
{
	char hint[MS_NEAREST_HINT_BYTES];
	struct ms_nearest nearest;
	struct ms_str word;

	if (!ms_config_is_type(rd, value, MS_JSON_STRING))
		return;
	word = ms_json_str(value);
	config->stop_with_daemon = ms_config_str_is(word, "stop");
	config->stop_with_daemon_set = true;
	if (config->stop_with_daemon || ms_config_str_is(word, "keep"))
		return;
	nearest = ms_nearest_init(word);
	ms_nearest_try(&nearest, "keep");
	ms_nearest_try(&nearest, "stop");
	ms_config_bad(rd, value, ms_nearest_hint(&nearest, hint),
		      "which is not known here; accepted: keep, stop");
}

static void read_rows(struct ms_config_reader *rd, const struct ms_json *object,
		      const struct ms_config_row *rows, char *base);

static void read_row(struct ms_config_reader *rd, const struct ms_json *value,
		     const struct ms_config_row *row, char *base)
{
	void *at = base + row->offset;
	uint64_t v;

	switch (row->kind) {
	case MS_CONFIG_OBJECT:
		read_rows(rd, value, row->rows, at);
		return;
	case MS_CONFIG_LIMITS:
		read_limits(rd, value, at);
		return;
	case MS_CONFIG_BOOL:
		if (ms_config_is_type(rd, value, MS_JSON_BOOL))
			*(bool *)at = ms_json_bool(value);
		return;
	case MS_CONFIG_U32:
		if (read_count(rd, value, row->min, row->max, &v))
			*(uint32_t *)at = (uint32_t)v;
		return;
	case MS_CONFIG_U64:
		(void)read_count(rd, value, row->min, row->max, at); /* told */
		return;
	case MS_CONFIG_USEC:
		(void)read_quantity(rd, value, MS_UNITS_DURATION, row->min, row->max,
				    at); /* told */
		return;
	case MS_CONFIG_SIZE:
		(void)read_quantity(rd, value, MS_UNITS_SIZE, row->min, row->max, at); /* told */
		return;
	case MS_CONFIG_PERCENT:
		read_percent(rd, value, row, at);
		return;
	case MS_CONFIG_TIER:
		read_tier(rd, value, at);
		return;
	case MS_CONFIG_LAYERS:
		read_layers(rd, value, at);
		return;
	case MS_CONFIG_CGROUP:
		read_cgroup(rd, value, at);
		return;
	case MS_CONFIG_FOLDERS:
		read_folders(rd, value, at);
		return;
	case MS_CONFIG_ON_STOP:
		read_on_stop(rd, value, at);
		return;
	case MS_CONFIG_PEERS:
		ms_config_read_peers(rd, value, at);
		return;
	}
	ms_assert(false);
}

/* "a, b, c" of all keys. */
static const char *list_keys(const struct ms_config_row *rows, char *out, size_t out_len)
{
	size_t used = 0;

	for (const struct ms_config_row *row = rows; row->key; row++) {
		int n = snprintf(out + used, out_len - used, "%s%s", used ? ", " : "", row->key);

		ms_assert(n > 0 && (size_t)n < out_len - used); /* our own table */
		used += (size_t)n;
	}
	return out;
}

static void read_rows(struct ms_config_reader *rd, const struct ms_json *object,
		      const struct ms_config_row *rows, char *base)
{
	if (!ms_config_is_type(rd, object, MS_JSON_OBJECT))
		return;
	for (size_t i = 0; i < ms_json_count(object); i++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);
		struct ms_nearest nearest = ms_nearest_init(key);
		const struct ms_config_row *row = rows;
		char known[200];

		for (; row->key && !ms_config_str_is(key, row->key); row++)
			ms_nearest_try(&nearest, row->key);
		if (row->key)
			read_row(rd, value, row, base);
		else if (!ms_config_is_remark(key))
			ms_config_unknown_key(rd, value, key, &nearest,
					      list_keys(rows, known, sizeof(known)));
	}
}

/**
 * ms_config_read() - see config-rows.h. Recurses as deep as the rows do.
 */
void ms_config_read(struct ms_config_reader *rd, struct ms_config *config)
{
	read_rows(rd, ms_doc_root(rd->doc), ms_config_rows, (char *)config);
}
