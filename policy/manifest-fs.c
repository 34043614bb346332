/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-fs.c - manifest-fs.h.
 */
#include "policy/manifest-fs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/utf8.h"
#include "policy/manifest-check.h"

struct list {
	struct ms_str *paths;
	uint32_t *n;
};

static struct list list_of(struct ms_manifest *m, size_t which)
{
	if (which == offsetof(struct ms_manifest, code))
		return (struct list){m->code, &m->n_code};
	if (which == offsetof(struct ms_manifest, read))
		return (struct list){m->read, &m->n_read};
	ms_assert(which == offsetof(struct ms_manifest, write));
	return (struct list){m->write, &m->n_write};
}

/* "./a/b/" and "a/b" are the same path. */
static struct ms_str trim(struct ms_str s)
{
	if (s.len > 2 && s.p[0] == '.' && s.p[1] == '/') {
		s.p += 2;
		s.len -= 2;
	}
	if (s.len > 1 && s.p[s.len - 1] == '/')
		s.len--;
	return s;
}

static void tell_unclean(struct ms_fields *f, const struct ms_json *value, struct ms_str path)
{
	const char *hint = NULL;

	if (path.len && path.p[0] == '/')
		hint = "leave the leading \"/\" out: paths are relative to the module's folder";
	else if (path.len == 1 && path.p[0] == '.')
		hint = "name the folders; without this key the whole bundle is meant";
	ms_fields_bad(f, value, hint,
		      "a path inside the module's folder is accepted, such as \"./config\": no "
		      "\"..\", no \"//\", no control character, at most %u bytes",
		      MS_MAX_PATH_BYTES);
}

static void add_path(struct ms_fields *f, const struct ms_json *array, size_t i, struct list list)
{
	const struct ms_json *value = ms_json_at(array, i);
	struct ms_str path;

	if (!ms_fields_type(f, value, MS_T_STRING))
		return;
	path = trim(ms_json_str(value));
	if (!ms_path_is_clean(path.p, path.len)) {
		tell_unclean(f, value, path);
		return;
	}
	for (uint32_t k = 0; k < *list.n; k++) {
		if (ms_check_compare(list.paths[k], path) == 0) {
			ms_fields_bad(f, value, NULL, "the list names this path already");
			return;
		}
	}
	list.paths[(*list.n)++] = ms_fields_keep(f, path);
}

static int compare_paths(const void *a, const void *b)
{
	return ms_check_compare(*(const struct ms_str *)a, *(const struct ms_str *)b);
}

static void set_list(struct ms_fields *f, const struct ms_json *value, const struct ms_field *field)
{
	struct list list = list_of(f->m, field->arg);
	size_t n = ms_fields_count(f, value, 0, MS_MAX_FS_PATHS);

	for (size_t i = 0; i < n; i++)
		add_path(f, value, i, list);
	qsort(list.paths, *list.n, sizeof(*list.paths), compare_paths);
	if (field->arg == offsetof(struct ms_manifest, code))
		f->m->has_code = true;
	if (field->arg == offsetof(struct ms_manifest, read))
		f->m->has_read = true;
}

/**
 * ms_manifest_fs_code() - entry.code
 */
void ms_manifest_fs_code(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field code = {.arg = offsetof(struct ms_manifest, code)};

	set_list(f, value, &code);
}

/**
 * ms_manifest_fs_permissions() - permissions.fs
 */
void ms_manifest_fs_permissions(struct ms_fields *f, const struct ms_json *value,
				const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"read", MS_T_ARRAY, set_list, offsetof(struct ms_manifest, read), false},
		{"write", MS_T_ARRAY, set_list, offsetof(struct ms_manifest, write), false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

/* The value of @array that gave the clean path @path. */
static const struct ms_json *value_of(const struct ms_json *array, struct ms_str path)
{
	for (size_t i = 0; array && i < ms_json_count(array); i++) {
		const struct ms_json *value = ms_json_at(array, i);

		if (ms_json_type(value) == MS_JSON_STRING &&
		    ms_check_compare(trim(ms_json_str(value)), path) == 0)
			return value;
	}
	return array;
}

static const struct ms_json *child(const struct ms_json *object, const char *key)
{
	return object && ms_json_type(object) == MS_JSON_OBJECT ? ms_json_get(object, key) : NULL;
}

static bool none_below(const struct ms_str *paths, uint32_t n, struct ms_str top, bool or_same)
{
	for (uint32_t i = 0; i < n; i++) {
		if (ms_check_below(paths[i], top, or_same))
			return false;
	}
	return true;
}

static void tell_conflict(struct ms_fields *f, const struct ms_json *write, struct ms_str top)
{
	const struct ms_manifest *m = f->m;
	const struct ms_json *value = value_of(write, top);

	if (!none_below(m->write, m->n_write, top, /* or_same= */ false))
		ms_fields_bad(f, value, "leave the inner path out: it is writable anyway",
			      "another write path lies inside it");
	if (!none_below(m->code, m->n_code, top, /* or_same= */ true))
		ms_fields_bad(
			f, value, "keep code out of folders that the module writes",
			"a path of entry.code lies there, and what is writable is never code");
	if (!none_below(m->read, m->n_read, top, /* or_same= */ true))
		ms_fields_bad(f, value, "leave the path out of permissions.fs.read",
			      "a path of permissions.fs.read lies there, and what is writable is "
			      "readable anyway");
}

/**
 * ms_manifest_fs_finish() - contradictions are told at the write path, which makes them
 */
void ms_manifest_fs_finish(struct ms_fields *f, const struct ms_json *root)
{
	const struct ms_json *fs = child(child(root, "permissions"), "fs");
	const struct ms_json *write = child(fs, "write");

	for (uint32_t i = 0; i < f->m->n_write; i++)
		tell_conflict(f, write, f->m->write[i]);
}

static bool verify_list(const struct ms_str *paths, uint32_t n)
{
	if (n > MS_MAX_FS_PATHS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!ms_path_is_clean(paths[i].p, paths[i].len) ||
		    !ms_utf8_valid(paths[i].p, paths[i].len, NULL) ||
		    (i && ms_check_compare(paths[i - 1], paths[i]) >= 0))
			return false;
	}
	return true;
}

/**
 * ms_manifest_fs_verify() - clean, sorted, without contradiction
 */
bool ms_manifest_fs_verify(const struct ms_manifest *m)
{
	if (!verify_list(m->code, m->n_code) || !verify_list(m->read, m->n_read) ||
	    !verify_list(m->write, m->n_write) || (m->n_code && !m->has_code) ||
	    (m->n_read && !m->has_read) || (m->has_code && !m->has_entry))
		return false;
	for (uint32_t i = 0; i < m->n_write; i++) {
		if (!none_below(m->write, m->n_write, m->write[i], /* or_same= */ false) ||
		    !none_below(m->code, m->n_code, m->write[i], /* or_same= */ true) ||
		    !none_below(m->read, m->n_read, m->write[i], /* or_same= */ true))
			return false;
	}
	return true;
}
