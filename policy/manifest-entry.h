/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-entry.h - what of a module is run: command, mode, environment, sockets, times.
 */
#ifndef MS_POLICY_MANIFEST_ENTRY_H
#define MS_POLICY_MANIFEST_ENTRY_H

#include "policy/manifest-fields.h"

/* Setter of the table row "entry". */
void ms_manifest_entry_set(struct ms_fields *f, const struct ms_json *value,
			   const struct ms_field *field);

#endif
