/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-entry.c - manifest-entry.h.
 */
#include "policy/manifest-entry.h"

#include "lib/name.h"
#include "policy/manifest-check.h"
#include "policy/manifest-fs.h"
#include "policy/manifest-life.h"
#include "policy/manifest-limits.h"

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

static void set_start(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"always", "on-demand"};
	size_t word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));

	if (word == MS_START_ON_DEMAND)
		ms_fields_unsupported(f, value, "write \"always\", or leave the key out",
				      "entry.start: this build does not start modules on demand");
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
		ms_manifest_limits_tell(f, value, MS_UNITS_DURATION, r, MS_MIN_TIMEOUT_USEC, max);
	else if (start)
		f->m->start_timeout_usec = usec;
	else
		f->m->stop_timeout_usec = usec;
}

/**
 * ms_manifest_entry_set() - the object "entry"
 */
void ms_manifest_entry_set(struct ms_fields *f, const struct ms_json *value,
			   const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"command", MS_T_ARRAY, set_command, 0, true},
		{"mode", MS_T_STRING, set_mode, 0, false},
		{"env", MS_T_OBJECT, set_env, 0, false},
		{"code", MS_T_ARRAY, ms_manifest_fs_code, 0, false},
		{"listen", MS_T_OBJECT, set_listen, 0, false},
		{"readiness", MS_T_STRING | MS_T_OBJECT, ms_manifest_life_readiness, 0, false},
		{"start", MS_T_STRING, set_start, 0, false},
		{"startTimeout", MS_T_STRING, set_timeout,
		 offsetof(struct ms_manifest, start_timeout_usec), false},
		{"stopTimeout", MS_T_STRING, set_timeout,
		 offsetof(struct ms_manifest, stop_timeout_usec), false},
		{"idleTimeout", MS_T_ANY, refuse, 0, false},
		{"restart", MS_T_STRING, ms_manifest_life_restart, 0, false},
		{"health", MS_T_OBJECT, ms_manifest_life_health, 0, false},
		{"watchdog", MS_T_STRING, ms_manifest_life_watchdog, 0, false},
		{"hooks", MS_T_ANY, refuse, 0, false},
	};

	f->m->has_entry = true;
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}
