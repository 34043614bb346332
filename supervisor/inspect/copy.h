/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy.h - the first content of a write path: the bundle's folder of that name, copied as the
 * module, inside the module's limits, by a one-shot in its sandbox. Never done by modsupd.
 */
#ifndef MS_INSPECT_COPY_H
#define MS_INSPECT_COPY_H

#include "lib/base.h"

/* ms_copy_tree - what lies in @from/@path into the existing folder @to/@path: folders and regular
 * files, at most MS_MAX_BUNDLE_ENTRIES and MS_MAX_BUNDLE_DEPTH; links that stay are made anew. What
 * @to/@path holds is removed first: only for a path that no module has had yet. Nothing to copy
 * from is fine. -errno. */
MS_MUST_CHECK int ms_copy_tree(int from, int to, const char *path);

#endif
