/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-limits.h - the numbers of a manifest: "limits", and how a value out of bounds is told.
 */
#ifndef MS_POLICY_MANIFEST_LIMITS_H
#define MS_POLICY_MANIFEST_LIMITS_H

#include "policy/manifest-fields.h"
#include "policy/units.h"

/* Setter of the table row "limits". */
void ms_manifest_limits_set(struct ms_fields *f, const struct ms_json *value,
			    const struct ms_field *field);

/* ms_manifest_limits_finish - when the mode is known: limits that it does not have. */
void ms_manifest_limits_finish(struct ms_fields *f, const struct ms_json *root);

/* ms_manifest_limits_tell - a text that ms_units_parse() refused with @result, or 0 and a value
 * outside @min..@max. */
void ms_manifest_limits_tell(struct ms_fields *f, const struct ms_json *value,
			     enum ms_units_kind kind, int result, uint64_t min, uint64_t max);

#endif
