/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout.c - how a bundle is put at /module, as rules over a manifest: what each path is, which
 * folders must be taken apart, and whether a given layout follows the rules. Used twice on purpose:
 * by the walk that makes a layout and by the decoder that checks it. Declared in inspection.h.
 *
 *   permissions.fs.write ["data/cache"]          data          skeleton
 *   bundle: data/ lib/ run.js                    data/seed.db  file, code
 *                                                data/cache    (the tenant's state, no entry)
 *                                                lib           dir, code
 *                                                run.js        file, code
 */
#include "lib/fs.h"
#include "lib/utf8.h"
#include "policy/inspection.h"
#include "policy/manifest-check.h"

/**
 * ms_layout_needed() - is there anything to keep apart?
 */
bool ms_layout_needed(const struct ms_manifest *manifest)
{
	return manifest->has_code || manifest->n_read || manifest->n_write;
}

struct best {
	size_t len; /* of the declared path, plus one: 0 is "none yet" */
	enum ms_bundle_class class;
};

/* Longest first; of equal ones the class that came first wins, so code is asked before read. */
static void try_list(struct best *best, struct ms_str path, const struct ms_str *list, uint32_t n,
		     enum ms_bundle_class class)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i].len + 1 > best->len &&
		    ms_check_below(path, list[i], /* or_same= */ true))
			*best = (struct best){.len = list[i].len + 1, .class = class};
	}
}

/**
 * ms_layout_class() - code, data, state, or not there
 */
enum ms_bundle_class ms_layout_class(const struct ms_manifest *manifest, struct ms_str path)
{
	const struct ms_manifest *m = manifest;
	struct best best = {0};

	try_list(&best, path, m->code, m->n_code, MS_CLASS_CODE);
	try_list(&best, path, m->read, m->n_read, MS_CLASS_READ);
	try_list(&best, path, m->write, m->n_write, MS_CLASS_WRITE);
	if (best.len)
		return best.class;
	if (!m->has_code)
		return MS_CLASS_CODE;
	return m->has_read ? MS_CLASS_NONE : MS_CLASS_READ;
}

static bool other_below(const struct ms_manifest *m, struct ms_str path, enum ms_bundle_class class,
			const struct ms_str *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (ms_check_below(list[i], path, /* or_same= */ false) &&
		    ms_layout_class(m, list[i]) != class)
			return true;
	}
	return false;
}

/**
 * ms_layout_splits() - must the folder be taken apart?
 */
bool ms_layout_splits(const struct ms_manifest *manifest, struct ms_str path)
{
	const struct ms_manifest *m = manifest;
	enum ms_bundle_class class = ms_layout_class(m, path);

	return other_below(m, path, class, m->code, m->n_code) ||
	       other_below(m, path, class, m->read, m->n_read) ||
	       other_below(m, path, class, m->write, m->n_write);
}

/**
 * ms_layout_link_stays() - by text alone; the walk asks the kernel too
 */
bool ms_layout_link_stays(struct ms_str path, struct ms_str target)
{
	size_t depth = 0, start = 0;

	if (!target.len || target.len > MS_MAX_LINK_BYTES || target.p[0] == '/' ||
	    !ms_check_text(target, MS_MAX_LINK_BYTES, /* lines= */ false))
		return false;
	for (size_t i = 0; i < path.len; i++)
		depth += path.p[i] == '/';
	for (size_t i = 0; i <= target.len; i++) {
		size_t n = i - start;
		const char *part = target.p + start;

		if (i < target.len && target.p[i] != '/')
			continue;
		start = i + 1;
		if (!n || (n == 1 && part[0] == '.'))
			continue;
		if (n != 2 || part[0] != '.' || part[1] != '.')
			depth++;
		else if (depth-- == 0)
			return false;
	}
	return true;
}

static bool has_skeleton(const struct ms_layout *layout, uint32_t n, struct ms_str path)
{
	for (uint32_t i = 0; i < n; i++) {
		if (layout->entries[i].kind == MS_BUNDLE_SKELETON &&
		    ms_check_compare(layout->entries[i].path, path) == 0)
			return true;
	}
	return false;
}

static struct ms_str parent_of(struct ms_str path)
{
	while (path.len && path.p[path.len - 1] != '/')
		path.len--;
	if (path.len)
		path.len--;
	return path;
}

static bool verify_entry(const struct ms_bundle_entry *e, const struct ms_manifest *m)
{
	enum ms_bundle_class class = ms_layout_class(m, e->path);
	bool apart = ms_layout_splits(m, e->path);

	if (!ms_path_is_clean(e->path.p, e->path.len) ||
	    !ms_check_text(e->path, MS_MAX_PATH_BYTES, /* lines= */ false) ||
	    class == MS_CLASS_WRITE || (e->kind != MS_BUNDLE_SYMLINK && e->target.len))
		return false;
	switch (e->kind) {
	case MS_BUNDLE_DIR:
	case MS_BUNDLE_FILE:
		return !apart && class == e->class && class != MS_CLASS_NONE;
	case MS_BUNDLE_SYMLINK:
		return !apart && class != MS_CLASS_NONE && ms_layout_link_stays(e->path, e->target);
	case MS_BUNDLE_SKELETON:
		return apart;
	case MS_BUNDLE_KIND_COUNT:
		break;
	}
	return false;
}

/* Each folder on the way to a write path is a skeleton: nothing else can hold its mount. */
static bool verify_ways(const struct ms_layout *layout, const struct ms_manifest *m)
{
	for (uint32_t i = 0; i < m->n_write; i++) {
		struct ms_str way = parent_of(m->write[i]);

		for (; way.len; way = parent_of(way)) {
			if (!has_skeleton(layout, layout->n_entries, way))
				return false;
		}
	}
	return true;
}

/**
 * ms_layout_verify() - every rule of the walk, asked of its result
 */
bool ms_layout_verify(const struct ms_layout *layout, const struct ms_manifest *manifest)
{
	const struct ms_bundle_entry *e = layout->entries;

	if (layout->whole || !ms_layout_needed(manifest))
		return layout->whole && !ms_layout_needed(manifest) && !layout->n_entries;
	if (layout->n_entries > MS_MAX_ATTACH)
		return false;
	for (uint32_t i = 0; i < layout->n_entries; i++) {
		struct ms_str parent = parent_of(e[i].path);

		if (!verify_entry(&e[i], manifest) ||
		    (i && ms_check_compare(e[i - 1].path, e[i].path) >= 0) ||
		    (parent.len && !has_skeleton(layout, i, parent)))
			return false;
	}
	return verify_ways(layout, manifest);
}
