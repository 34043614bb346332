/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-life.h - the keys of "entry" that say when a module counts as ready and healthy, and
 * what happens when it ends: readiness, health, watchdog, restart. For manifest-parse.c,
 * manifest-entry.c and ms_manifest_verify(); it starts and asks nothing itself.
 */
#ifndef MS_POLICY_MANIFEST_LIFE_H
#define MS_POLICY_MANIFEST_LIFE_H

#include "policy/manifest-fields.h"

ms_field_set ms_manifest_life_readiness;
ms_field_set ms_manifest_life_restart;
ms_field_set ms_manifest_life_watchdog;
ms_field_set ms_manifest_life_health;

/* ms_manifest_life_finish - defaults and rules that need several keys of "entry". */
void ms_manifest_life_finish(struct ms_fields *f, const struct ms_json *root);
/* ms_manifest_life_verify - could the functions above have left this? */
bool ms_manifest_life_verify(const struct ms_manifest *m);

#endif
