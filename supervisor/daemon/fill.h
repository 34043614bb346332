/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fill.h - which write paths of an installation still wait for their first content: the file
 * "filling" of its folder, one path a line. It is written before such a path is made and shortened
 * after it was filled, so that a copy which was interrupted is never taken for the module's state.
 * Only state.c calls this.
 */
#ifndef MS_DAEMON_FILL_H
#define MS_DAEMON_FILL_H

#include "lib/base.h"
#include "lib/buf.h"

/* ms_fill_load - the list, empty when there is no file. @installation: the folder. -errno. */
MS_MUST_CHECK int ms_fill_load(int installation, struct ms_buf *ret);
bool ms_fill_has(const struct ms_buf *list, struct ms_str path);
void ms_fill_add(struct ms_buf *list, struct ms_str path); /* sticky error in @list */
void ms_fill_remove(struct ms_buf *list, struct ms_str path);
/* ms_fill_save - whole or not at all; no file when @list is empty. -errno. */
MS_MUST_CHECK int ms_fill_save(int installation, const struct ms_buf *list);

#endif
