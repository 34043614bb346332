/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-watch.c - watch.c's figures for tests of the control socket: nothing runs. */
#include "supervisor/daemon/watch.h"

bool ms_watch_figures(struct ms_supervisor *s MS_UNUSED, const struct ms_instance *i MS_UNUSED,
		      struct ms_watch_figures *ret MS_UNUSED)
{
	return false;
}

uint64_t ms_watch_each(struct ms_supervisor *s MS_UNUSED,
		       const struct ms_watch_walk *walk MS_UNUSED)
{
	return 0;
}
