/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bundle.h - a module's folder, looked at without believing it: every entry reached by descriptor,
 * no link followed, bounded. Called by modsup-inspect in its sandbox, and by modsupctl validate as
 * the caller. Writes nothing, needs no privilege.
 */
#ifndef MS_SUPERVISOR_INSPECT_BUNDLE_H
#define MS_SUPERVISOR_INSPECT_BUNDLE_H

#include "lib/base.h"
#include "policy/inspection.h"
#include "policy/manifest.h"
#include "policy/report.h"

enum ms_bundle_result { MS_BUNDLE_INVALID = 1 };

/*
 * ms_bundle_inspect - all that is wrong with the folder into @report, at once. @dirfd -1: the
 * module has no bundle. @ret must be MS_LAYOUT_INIT, and is the caller's to end whatever is
 * returned. 0, MS_BUNDLE_INVALID (see @report), -ENOMEM, or -errno of the file system.
 */
MS_MUST_CHECK int ms_bundle_inspect(int dirfd, const struct ms_manifest *manifest,
				    struct ms_report *report, struct ms_layout *ret);

#endif
