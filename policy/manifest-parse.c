/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-parse.c - module.json, top to bottom: one table for each object, one row a key. A key
 * without a setter is carried through untouched: the platform reads it, nothing of it is granted.
 * What runs is manifest-entry.c, paths are manifest-fs.c, reaching out is manifest-net.c, numbers
 * are manifest-limits.c.
 */
#include <string.h>

#include "lib/name.h"
#include "policy/manifest-check.h"
#include "policy/manifest-entry.h"
#include "policy/manifest-fields.h"
#include "policy/manifest-fs.h"
#include "policy/manifest-life.h"
#include "policy/manifest-limits.h"
#include "policy/manifest-net.h"
#include "policy/manifest.h"
#include "policy/semver.h"

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
		{"entry", MS_T_OBJECT, ms_manifest_entry_set, 0, false},
		{"permissions", MS_T_OBJECT, set_permissions, 0, false},
		{"limits", MS_T_OBJECT, ms_manifest_limits_set, 0, false},
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

/* Rules between keys, once each key is read. */
static void finish(struct ms_fields *f, const struct ms_json *root)
{
	if (ms_json_type(root) != MS_JSON_OBJECT)
		return;
	ms_manifest_limits_finish(f, root);
	ms_manifest_fs_finish(f, root);
	ms_manifest_life_finish(f, root);
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
