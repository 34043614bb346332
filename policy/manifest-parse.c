/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-parse.c - module.json, top to bottom: one table for each object, one row a key. A key
 * without a setter is carried through untouched: the platform reads it, nothing of it is granted.
 * Paths are manifest-fs.c, reaching out is manifest-net.c.
 */
#include <string.h>

#include "lib/name.h"
#include "policy/manifest-check.h"
#include "policy/manifest-fields.h"
#include "policy/manifest-fs.h"
#include "policy/manifest-net.h"
#include "policy/manifest.h"
#include "policy/semver.h"
#include "policy/units.h"

static struct ms_str *str_at(struct ms_fields *f, size_t offset)
{
	return (struct ms_str *)(void *)((char *)f->m + offset);
}

static void set_id(struct ms_fields *f, const struct ms_json *value,
		   const struct ms_field *field MS_UNUSED)
{
	struct ms_str id = ms_json_str(value);

	if (!ms_name_is_module(id.p, id.len))
		ms_fields_bad(f, value, NULL,
			      "1 to %u lower-case letters, digits and inner hyphens are accepted, "
			      "such as \"stripe-payments\"",
			      MS_MAX_ID_BYTES);
	else
		f->m->id = ms_fields_keep(f, id);
}

static void set_text(struct ms_fields *f, const struct ms_json *value, const struct ms_field *field)
{
	bool lines = field->arg == offsetof(struct ms_manifest, description);
	struct ms_str text = ms_json_str(value);

	if (!ms_check_text(text, MS_MAX_TEXT_BYTES, lines))
		ms_fields_bad(f, value, NULL,
			      "%s of at most %u bytes without control characters is accepted",
			      lines ? "text" : "one line of text", MS_MAX_TEXT_BYTES);
	else
		*str_at(f, field->arg) = ms_fields_keep(f, text);
}

static void check_line(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	struct ms_str text = ms_json_str(value);

	if (!ms_check_text(text, MS_MAX_TEXT_BYTES, /* lines= */ false))
		ms_fields_bad(f, value, NULL, "one line of text of at most %u bytes is accepted",
			      MS_MAX_TEXT_BYTES);
}

static void set_version(struct ms_fields *f, const struct ms_json *value,
			const struct ms_field *field MS_UNUSED)
{
	struct ms_str text = ms_json_str(value);
	struct ms_semver version;

	if (ms_semver_parse(text.p, text.len, &version) < 0)
		ms_fields_bad(f, value, NULL,
			      "a version by SemVer 2.0.0 is accepted, such as \"1.4.2\" or "
			      "\"2.0.0-rc.1\"");
	else
		f->m->version = ms_fields_keep(f, text);
}

static bool check_range(struct ms_fields *f, const struct ms_json *value)
{
	struct ms_str text = ms_json_str(value);

	if (ms_range_verify(text.p, text.len) &&
	    ms_check_text(text, MS_MAX_RANGE_BYTES, /* lines= */ true))
		return true;
	ms_fields_bad(f, value, NULL,
		      "a version range is accepted, such as \"^1.2.0\", \">=1.2.0 <2.0.0\" or "
		      "\"1.x || 2.x\"");
	return false;
}

static void set_platform(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	if (check_range(f, value))
		f->m->engine_platform = ms_fields_keep(f, ms_json_str(value));
}

static void set_engine(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"platform", MS_T_STRING, set_platform, 0, false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

static void check_api_version(struct ms_fields *f, const struct ms_json *value,
			      const struct ms_field *field MS_UNUSED)
{
	if (!ms_fields_is(ms_json_str(value), "v1"))
		ms_fields_unsupported(f, value, NULL,
				      "runtime.apiVersion: this build speaks \"v1\" alone");
}

static void check_base(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	struct ms_str base = ms_json_str(value);

	if (!ms_name_is_module(base.p, base.len))
		ms_fields_bad(f, value, NULL, "the name of a base runtime is accepted: \"host\"");
	else if (!ms_fields_is(base, "host"))
		ms_fields_unsupported(f, value, "write \"host\", or leave the key out",
				      "runtime.base: this build has the base runtime \"host\" "
				      "alone");
}

static void set_runtime(struct ms_fields *f, const struct ms_json *value,
			const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"apiVersion", MS_T_STRING, check_api_version, 0, false},
		{"base", MS_T_STRING, check_base, 0, false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

static void set_program(struct ms_fields *f, const struct ms_json *value)
{
	struct ms_str arg = ms_json_str(value);

	if (arg.len > 2 && arg.p[0] == '.' && arg.p[1] == '/') {
		arg.p += 2;
		arg.len -= 2;
	}
	if (ms_check_command(arg))
		f->m->argv[0] = ms_fields_keep(f, arg);
	else
		ms_fields_bad(f, value, NULL,
			      "the program's path is accepted: absolute, such as "
			      "\"/usr/bin/node\", or inside the module's folder, such as "
			      "\"bin/server\"; without \"..\", \"//\" or control characters");
}

static void set_command(struct ms_fields *f, const struct ms_json *value,
			const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 1, MS_MAX_ARGV);

	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);

		if (!ms_fields_type(f, item, MS_T_STRING))
			continue;
		if (i == 0)
			set_program(f, item);
		else if (!ms_check_arg(ms_json_str(item)))
			ms_fields_bad(f, item, NULL, "an argument of at most %u bytes is accepted",
				      MS_MAX_ARG_BYTES);
		else
			f->m->argv[i] = ms_fields_keep(f, ms_json_str(item));
	}
	f->m->n_argv = (uint32_t)n;
}

static void set_mode(struct ms_fields *f, const struct ms_json *value,
		     const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"service", "worker", "oneshot"};
	size_t word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));

	_Static_assert(MS_MODE_COUNT == 3 && MS_MODE_WORKER == 1, "words are in the enum's order");
	f->m->mode = (enum ms_mode)word; /* COUNT: told, and no rule of a mode is asked */
	if (word == MS_MODE_WORKER)
		ms_fields_unsupported(f, value, "\"service\" and \"oneshot\" are supported",
				      "entry.mode: this build does not run workers");
}

static void add_env(struct ms_fields *f, struct ms_str name, const struct ms_json *value)
{
	struct ms_manifest *m = f->m;
	uint32_t at = m->n_env;

	if (!ms_fields_type(f, value, MS_T_STRING))
		return;
	if (!ms_check_env_name(name)) {
		ms_fields_bad_name(
			f, value, name, NULL,
			"a variable's name has letters, digits and \"_\", no digit first, "
			"at most 128 bytes");
		return;
	}
	if (ms_check_env_reserved(name)) {
		ms_fields_bad_name(
			f, value, name, "rename the variable; module.json(5) lists reserved names",
			"this name is reserved: it is set for the module, or changes which "
			"code is loaded");
		return;
	}
	if (!ms_check_arg(ms_json_str(value))) {
		ms_fields_bad(f, value, NULL, "a value of at most %u bytes is accepted",
			      MS_MAX_ARG_BYTES);
		return;
	}
	for (; at && ms_check_compare(m->env[at - 1].name, name) > 0; at--)
		m->env[at] = m->env[at - 1];
	m->env[at] =
		(struct ms_env_var){ms_fields_keep(f, name), ms_fields_keep(f, ms_json_str(value))};
	m->n_env++;
}

static void set_env(struct ms_fields *f, const struct ms_json *value,
		    const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_ENV);

	for (size_t i = 0; i < n; i++) {
		struct ms_str name;
		const struct ms_json *member = ms_json_member(value, i, &name);

		add_env(f, name, member);
	}
}

static void add_socket(struct ms_fields *f, const struct ms_json *value)
{
	struct ms_str name = ms_json_str(value);

	if (!ms_name_is_socket(name.p, name.len))
		ms_fields_bad(f, value, NULL,
			      "a socket's name is accepted: a lower-case letter, then up to 14 "
			      "lower-case letters, digits and hyphens");
	else
		f->m->listen[f->m->n_listen++] = ms_fields_keep(f, name);
}

static void set_socket(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	size_t n;

	if (ms_json_type(value) == MS_JSON_STRING) {
		add_socket(f, value);
		return;
	}
	n = ms_fields_count(f, value, 1, MS_MAX_LISTEN);
	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);

		if (ms_fields_type(f, item, MS_T_STRING) && !ms_fields_repeated(f, value, i))
			add_socket(f, item);
	}
}

/* Keys of the format that this build does not enforce, whatever their value. */
static void refuse(struct ms_fields *f, const struct ms_json *value, const struct ms_field *field)
{
	ms_fields_unsupported(f, value, "leave the key out", "%s: this build does not enforce it",
			      field->key);
}

static void set_listen(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"socket", MS_T_STRING | MS_T_ARRAY, set_socket, 0, false},
		{"tcp", MS_T_ANY, refuse, 0, false},
	};

	if (!ms_json_count(value))
		ms_fields_bad(f, value, NULL, "it is empty; {\"socket\": \"http\"} is accepted");
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

static void check_probe_path(struct ms_fields *f, const struct ms_json *value,
			     const struct ms_field *field MS_UNUSED)
{
	struct ms_str path = ms_json_str(value);

	if (!path.len || path.p[0] != '/' ||
	    !ms_check_text(path, MS_MAX_TEXT_BYTES, /* lines= */ false))
		ms_fields_bad(f, value, NULL, "a path such as \"/healthz\" is accepted");
}

static void set_readiness(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"none", "notify"};
	static const struct ms_field rows[] = {
		{"http", MS_T_STRING, check_probe_path, 0, true},
	};
	size_t word = MS_READY_PROBE;

	if (ms_json_type(value) == MS_JSON_OBJECT)
		ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
	else
		word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));
	if (ms_json_type(value) == MS_JSON_OBJECT || word == MS_READY_NOTIFY)
		ms_fields_unsupported(f, value, "write \"none\", or leave the key out",
				      "entry.readiness: this build does not wait for readiness");
}

static void set_start(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"always", "on-demand"};
	size_t word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));

	if (word == MS_START_ON_DEMAND)
		ms_fields_unsupported(f, value, "write \"always\", or leave the key out",
				      "entry.start: this build does not start modules on demand");
}

static void tell_units(struct ms_fields *f, const struct ms_json *value, enum ms_units_kind kind,
		       int result, uint64_t min, uint64_t max)
{
	char low[MS_UNITS_TEXT_BYTES], high[MS_UNITS_TEXT_BYTES];

	if (result)
		ms_fields_bad(f, value, NULL, "%s",
			      ms_units_why(kind, (enum ms_units_result)result));
	else
		ms_fields_bad(f, value, NULL, "%s to %s is accepted",
			      ms_units_format(kind, min, low), ms_units_format(kind, max, high));
}

static void set_timeout(struct ms_fields *f, const struct ms_json *value,
			const struct ms_field *field)
{
	bool start = field->arg == offsetof(struct ms_manifest, start_timeout_usec);
	uint64_t max = start ? MS_MAX_START_TIMEOUT_USEC : MS_MAX_STOP_TIMEOUT_USEC;
	struct ms_str text = ms_json_str(value);
	uint64_t usec = 0;
	int r = ms_units_parse(MS_UNITS_DURATION, text.p, text.len, &usec);

	if (r || usec < MS_MIN_TIMEOUT_USEC || usec > max)
		tell_units(f, value, MS_UNITS_DURATION, r, MS_MIN_TIMEOUT_USEC, max);
	else if (start)
		f->m->start_timeout_usec = usec;
	else
		f->m->stop_timeout_usec = usec;
}

static void set_entry(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"command", MS_T_ARRAY, set_command, 0, true},
		{"mode", MS_T_STRING, set_mode, 0, false},
		{"env", MS_T_OBJECT, set_env, 0, false},
		{"code", MS_T_ARRAY, ms_manifest_fs_code, 0, false},
		{"listen", MS_T_OBJECT, set_listen, 0, false},
		{"readiness", MS_T_STRING | MS_T_OBJECT, set_readiness, 0, false},
		{"start", MS_T_STRING, set_start, 0, false},
		{"startTimeout", MS_T_STRING, set_timeout,
		 offsetof(struct ms_manifest, start_timeout_usec), false},
		{"stopTimeout", MS_T_STRING, set_timeout,
		 offsetof(struct ms_manifest, stop_timeout_usec), false},
		{"idleTimeout", MS_T_ANY, refuse, 0, false},
		{"health", MS_T_ANY, refuse, 0, false},
		{"watchdog", MS_T_ANY, refuse, 0, false},
		{"hooks", MS_T_ANY, refuse, 0, false},
	};

	f->m->has_entry = true;
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

static void set_permissions(struct ms_fields *f, const struct ms_json *value,
			    const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"fs", MS_T_OBJECT, ms_manifest_fs_permissions, 0, false},
		{"network", MS_T_OBJECT, ms_manifest_net_network, 0, false},
		{"services", MS_T_ARRAY, ms_manifest_net_services, 0, false},
		{"core", MS_T_ARRAY, ms_manifest_net_core, 0, false},
		{"sse", MS_T_ARRAY, ms_manifest_net_sse, 0, false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

/* A size may be a bare integer, a count must be one; the others are text with a unit. */
static uint32_t limit_types(enum ms_limit_unit unit)
{
	if (unit == MS_UNIT_COUNT_OF)
		return MS_T_INT;
	return unit == MS_UNIT_BYTES ? MS_T_STRING | MS_T_INT : MS_T_STRING;
}

static enum ms_units_kind limit_kind(enum ms_limit_unit unit)
{
	if (unit == MS_UNIT_PERCENT)
		return MS_UNITS_PERCENT;
	return unit == MS_UNIT_USEC ? MS_UNITS_DURATION : MS_UNITS_SIZE;
}

static void tell_limit(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_limit_info *info, int result)
{
	enum ms_units_kind kind = limit_kind(info->unit);

	if (info->unit == MS_UNIT_COUNT_OF)
		ms_fields_bad(f, value, NULL, "a whole number from %llu to %llu is accepted",
			      (unsigned long long)info->min, (unsigned long long)info->max);
	else if (!(limit_types(info->unit) & (1u << ms_json_type(value))))
		ms_fields_bad(f, value, NULL, "%s is accepted", ms_units_accepted(kind));
	else
		tell_units(f, value, kind, result, info->min, info->max);
}

static void set_limit(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field)
{
	const struct ms_limit_info *info = &ms_limit_infos[field->arg];
	struct ms_str text;
	uint64_t n = 0; /* below each minimum */
	int r = 0;

	if ((limit_types(info->unit) & MS_T_STRING) && ms_json_type(value) == MS_JSON_STRING) {
		text = ms_json_str(value);
		r = ms_units_parse(limit_kind(info->unit), text.p, text.len, &n);
	} else if ((limit_types(info->unit) & MS_T_INT) && ms_json_type(value) == MS_JSON_INT &&
		   ms_json_int(value) > 0) {
		n = (uint64_t)ms_json_int(value);
	}
	if (r || n < info->min || n > info->max)
		tell_limit(f, value, info, r);
	else
		f->m->limits[field->arg] = (struct ms_limit){.set = true, .value = n};
	if (field->arg == MS_LIMIT_DISK)
		ms_fields_unsupported(f, value, "leave the key out",
				      "limits.disk: this build does not bound what write paths "
				      "hold");
}

static void set_limits(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"memory", MS_T_ANY, set_limit, MS_LIMIT_MEMORY, false},
		{"cpu", MS_T_ANY, set_limit, MS_LIMIT_CPU, false},
		{"openFiles", MS_T_ANY, set_limit, MS_LIMIT_OPEN_FILES, false},
		{"connections", MS_T_ANY, set_limit, MS_LIMIT_CONNECTIONS, false},
		{"processes", MS_T_ANY, set_limit, MS_LIMIT_PROCESSES, false},
		{"tmp", MS_T_ANY, set_limit, MS_LIMIT_TMP, false},
		{"disk", MS_T_ANY, set_limit, MS_LIMIT_DISK, false},
		{"cpuTimePerRequest", MS_T_ANY, set_limit, MS_LIMIT_CPU_TIME, false},
		{"wallTimePerRequest", MS_T_ANY, set_limit, MS_LIMIT_WALL_TIME, false},
	};

	_Static_assert(MS_ARRAY_LEN(rows) == MS_LIMIT_COUNT, "one row a limit");
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

static void check_dependencies(struct ms_fields *f, const struct ms_json *value,
			       const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_DEPENDENCIES);

	for (size_t i = 0; i < n; i++) {
		struct ms_str id;
		const struct ms_json *range = ms_json_member(value, i, &id);

		if (!ms_fields_type(f, range, MS_T_STRING))
			continue;
		if (!ms_name_is_module(id.p, id.len))
			ms_fields_bad_name(
				f, range, id, NULL,
				"a dependency is named by a module's id: lower-case letters, "
				"digits and inner hyphens");
		MS_IGNORE(check_range(f, range)); /* told is enough */
	}
}

static void check_events(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_EVENT_NAMES);

	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);
		struct ms_str name;

		if (!ms_fields_type(f, item, MS_T_STRING) || ms_fields_repeated(f, value, i))
			continue;
		name = ms_json_str(item);
		if (!name.len || !ms_check_text(name, MS_MAX_LABEL_BYTES, /* lines= */ false))
			ms_fields_bad(f, item, NULL, "an event's name of 1 to %u bytes is accepted",
				      MS_MAX_LABEL_BYTES);
	}
}

static void walk_root(struct ms_fields *f, const struct ms_json *root)
{
	static const struct ms_field rows[] = {
		{"id", MS_T_STRING, set_id, 0, true},
		{"name", MS_T_STRING, set_text, offsetof(struct ms_manifest, name), false},
		{"version", MS_T_STRING, set_version, 0, true},
		{"description", MS_T_STRING, set_text, offsetof(struct ms_manifest, description),
		 false},
		{"author", MS_T_STRING, set_text, offsetof(struct ms_manifest, author), false},
		{"license", MS_T_STRING, set_text, offsetof(struct ms_manifest, license), false},
		{"engine", MS_T_OBJECT, set_engine, 0, false},
		{"runtime", MS_T_OBJECT, set_runtime, 0, false},
		{"entry", MS_T_OBJECT, set_entry, 0, false},
		{"permissions", MS_T_OBJECT, set_permissions, 0, false},
		{"limits", MS_T_OBJECT, set_limits, 0, false},
		{"dependencies", MS_T_OBJECT, check_dependencies, 0, false},
		{"events", MS_T_ARRAY, check_events, 0, false},
		{"displayName", MS_T_STRING, check_line, 0, false},
		{"contributions", MS_T_ANY, NULL, 0, false},
		{"settings", MS_T_ANY, NULL, 0, false},
		{"frontend", MS_T_ANY, NULL, 0, false},
		{"capabilities", MS_T_ANY, NULL, 0, false},
		{"exports", MS_T_ANY, NULL, 0, false},
		{"migrations", MS_T_ANY, NULL, 0, false},
		{"platformPermissions", MS_T_ANY, NULL, 0, false},
	};

	if (ms_fields_type(f, root, MS_T_OBJECT))
		ms_fields_walk(f, root, rows, MS_ARRAY_LEN(rows));
}

static void check_mode_limits(struct ms_fields *f, const struct ms_json *root)
{
	static const enum ms_limit_id ids[] = {MS_LIMIT_CPU_TIME, MS_LIMIT_WALL_TIME};
	const struct ms_json *limits;

	if (!f->m->has_entry || f->m->mode != MS_MODE_SERVICE)
		return;
	limits = ms_json_get(root, "limits");
	if (!limits || ms_json_type(limits) != MS_JSON_OBJECT)
		return;
	for (size_t i = 0; i < MS_ARRAY_LEN(ids); i++) {
		const struct ms_json *value = ms_json_get(limits, ms_limit_infos[ids[i]].key);

		if (value)
			ms_fields_bad(f, value,
				      "leave it out, or write \"mode\": \"oneshot\" if each "
				      "request is a process of its own",
				      "%s belongs to workers and one-shots; a service answers many "
				      "requests at once and has no request to measure",
				      ms_limit_infos[ids[i]].key);
	}
}

/* Rules between keys, once each key is read. */
static void finish(struct ms_fields *f, const struct ms_json *root)
{
	if (ms_json_type(root) != MS_JSON_OBJECT)
		return;
	check_mode_limits(f, root);
	ms_manifest_fs_finish(f, root);
}

/**
 * ms_manifest_parse() - every rule, all errors at once
 * Return: 0 and a manifest owned by the caller; MS_MANIFEST_INVALID; -ENOMEM.
 */
int ms_manifest_parse(const char *data, size_t len, struct ms_report *report,
		      struct ms_manifest **ret)
{
	struct ms_doc_limits limits = {.max_bytes = MS_MAX_MANIFEST_BYTES,
				       .max_depth = MS_MAX_MANIFEST_DEPTH};
	ms_auto(manifest) struct ms_manifest *m = ms_manifest_new();
	ms_auto(doc) struct ms_doc *doc = NULL;
	uint32_t before = report->n_diags + report->n_dropped;
	struct ms_fields f = {.report = report, .m = m};
	int r;

	if (!m)
		return -ENOMEM;
	r = ms_doc_parse(data, len, limits, MS_REASON_MANIFEST_INVALID, report, &doc);
	if (r)
		return r < 0 ? r : MS_MANIFEST_INVALID;
	f.doc = doc;
	walk_root(&f, ms_doc_root(doc));
	finish(&f, ms_doc_root(doc));
	if (m->arena.error)
		return m->arena.error == -ENOMEM ? -ENOMEM : -EMSGSIZE;
	if (report->n_diags + report->n_dropped != before)
		return MS_MANIFEST_INVALID;
	if (!ms_manifest_verify(m)) { /* a rule that this file and the check see differently */
		ms_report_add(report, MS_REASON_INTERNAL, 0, 0, (struct ms_str){.p = ""}, NULL,
			      "the manifest was read, and does not pass its own check");
		return MS_MANIFEST_INVALID;
	}
	*ret = MS_TAKE_PTR(m);
	return 0;
}
