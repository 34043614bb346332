/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inspection.h - what modsup-inspect found in a bundle, and the one binary message in which it says
 * so: a manifest with the layout of /module, or the list of what is wrong. The message was made by
 * a process that read outsiders' bytes: decode believes nothing of it, and modsupd uses no other
 * way in. Pure: no I/O, no clock.
 */
#ifndef MS_POLICY_INSPECTION_H
#define MS_POLICY_INSPECTION_H

#include "lib/arena.h"
#include "lib/base.h"
#include "modsup/limits.h"
#include "policy/manifest.h"
#include "policy/report.h"

enum ms_bundle_kind {
	MS_BUNDLE_DIR,	    /* attached with everything below it */
	MS_BUNDLE_FILE,	    /* attached */
	MS_BUNDLE_SYMLINK,  /* made anew in the skeleton, with @target */
	MS_BUNDLE_SKELETON, /* a folder made in the skeleton, holding what follows */
	MS_BUNDLE_KIND_COUNT
};

enum ms_bundle_class {
	MS_CLASS_CODE,	/* read and execute */
	MS_CLASS_READ,	/* read */
	MS_CLASS_WRITE, /* from the tenant's state: never an entry of a layout */
	MS_CLASS_NONE,	/* not there at all */
};

struct ms_bundle_entry {
	struct ms_str path; /* clean, relative to the bundle's root */
	enum ms_bundle_kind kind;
	enum ms_bundle_class class; /* CODE or READ; of a skeleton or a link it says nothing */
	struct ms_str target;	    /* of a link; relative, stays below the root; else "" */
};

/*
 * How the bundle is put at /module. @whole: one read-only mount of all of it. Else exactly
 * @entries, in an order in which each folder comes before what it holds; the write paths are the
 * manifest's own, and the skeleton folders that lead to them are entries.
 */
struct ms_layout {
	struct ms_arena arena; /* owns the strings */
	bool whole;
	struct ms_bundle_entry entries[MS_MAX_ATTACH];
	uint32_t n_entries;
};

#define MS_LAYOUT_INIT ((struct ms_layout){.arena = MS_ARENA_INIT(MS_MAX_INSPECTION_BYTES)})

void ms_layout_done(struct ms_layout *layout);
static inline void ms_layout_cleanup(struct ms_layout *layout)
{
	ms_layout_done(layout);
}

/* ms_layout_needed - false when the whole bundle may be mounted as one. */
bool ms_layout_needed(const struct ms_manifest *manifest);
/* ms_layout_class - what the manifest makes of the bundle path @path: the longest of its code, read
 * and write paths that is @path or holds it decides; else the rule for what nobody named. */
enum ms_bundle_class ms_layout_class(const struct ms_manifest *manifest, struct ms_str path);
/* ms_layout_splits - true when the folder @path cannot be attached as one, because something below
 * it is of another class. @path "" is the root. */
bool ms_layout_splits(const struct ms_manifest *manifest, struct ms_str path);
/* ms_layout_link_stays - @target of a link at @path: relative, and never above the root on its way,
 * by its text alone. */
bool ms_layout_link_stays(struct ms_str path, struct ms_str target);
/* ms_layout_verify - true when @layout is one that an honest inspection of some bundle with
 * @manifest can have made. */
bool ms_layout_verify(const struct ms_layout *layout, const struct ms_manifest *manifest);

/* The answer: @manifest is NULL exactly when @report says why. Both owned. */
struct ms_inspection {
	struct ms_manifest *manifest;
	struct ms_layout layout;
	struct ms_report *report;
};

#define MS_INSPECTION_INIT ((struct ms_inspection){.layout = MS_LAYOUT_INIT})

void ms_inspection_done(struct ms_inspection *inspection);
static inline void ms_inspection_cleanup(struct ms_inspection *inspection)
{
	ms_inspection_done(inspection);
}

/* ms_inspection_encode - 0 and the bytes used; -E2BIG when @cap is too small
 * (MS_MAX_INSPECTION_BYTES is always enough); -ENOMEM. With @report->n_diags the report is sent and
 * the rest is not looked at (@manifest may be NULL then). */
MS_MUST_CHECK int ms_inspection_encode(const struct ms_manifest *manifest,
				       const struct ms_layout *layout,
				       const struct ms_report *report, void *buf, size_t cap,
				       size_t *ret_len);

/* ms_inspection_decode - 0, -EBADMSG for whatever an honest modsup-inspect cannot have sent, or
 * -ENOMEM. @file names the report. @ret is the caller's to end with ms_inspection_done(). */
MS_MUST_CHECK int ms_inspection_decode(const void *data, size_t len, const char *file,
				       struct ms_inspection *ret);

#endif
