/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.h - a manifest, its bundle and configuration files, read as the caller and without a
 * supervisor, for validate, explain and run. Reads regular files only: a pipe or a device under
 * such a name would wait for ever.
 */
#ifndef MS_CTL_LOAD_H
#define MS_CTL_LOAD_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/config.h"
#include "policy/manifest.h"
#include "policy/report.h"

/* ms_load_file - a regular file of at most @max bytes. Owned by the caller, NUL-terminated; NULL
 * with @err. @dirfd may be AT_FDCWD. */
MS_MUST_CHECK char *ms_load_file(int dirfd, const char *path, size_t max, size_t *ret_len,
				 struct ms_error *err);

/* What was found at a path: the folder of a module, or a manifest alone. */
struct ms_load {
	struct ms_report *report;     /* owned; errors of the manifest and of the bundle */
	struct ms_manifest *manifest; /* owned; NULL when it has errors */
	bool has_bundle;
	bool foreign; /* the folder is not root's: right or wrong, it is not started so */
};

void ms_load_done(struct ms_load *load);
static inline void ms_load_cleanup(struct ms_load *load)
{
	ms_load_done(load);
}

/* ms_load_module - @path is a folder with a module.json, which is looked through too, or a manifest
 * file. 0 when it could be read, right or wrong (see @ret->report); -errno with @err. */
MS_MUST_CHECK int ms_load_module(const char *path, struct ms_load *ret, struct ms_error *err);

/* ms_load_config - the shipped defaults with @files over them. 0, MS_CONFIG_INVALID with the errors
 * printed into @errors, or -errno with @err. */
MS_MUST_CHECK int ms_load_config(const char *const *files, uint32_t n_files, struct ms_config **ret,
				 struct ms_buf *errors, struct ms_error *err);

#endif
