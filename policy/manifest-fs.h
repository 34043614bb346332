/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-fs.h - the path lists of a manifest: entry.code, permissions.fs.read and .write. Each
 * path is made clean, the lists are sorted, and lists that contradict each other are refused.
 */
#ifndef MS_POLICY_MANIFEST_FS_H
#define MS_POLICY_MANIFEST_FS_H

#include "policy/manifest-fields.h"

/* Setters of the table rows "code" and "fs". */
void ms_manifest_fs_code(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field);
void ms_manifest_fs_permissions(struct ms_fields *f, const struct ms_json *value,
				const struct ms_field *field);

/* ms_manifest_fs_finish - when all lists are read: how they go together. @root: the document. */
void ms_manifest_fs_finish(struct ms_fields *f, const struct ms_json *root);

/* ms_manifest_fs_verify - true when the lists are as the parser leaves them. */
bool ms_manifest_fs_verify(const struct ms_manifest *m);

#endif
