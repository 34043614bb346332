/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state-folders.h - the folders as state.c (installations, what is kept) and state-runtime.c
 * (sockets, logs, records: what goes with the boot) share them. Nobody else includes this.
 */
#ifndef MS_DAEMON_STATE_FOLDERS_H
#define MS_DAEMON_STATE_FOLDERS_H

#include <sys/types.h>

#include "supervisor/daemon/state.h"

struct ms_folders {
	int runtime, state, installations, sockets, logs, records, shims, units; /* O_DIRECTORY */
	int lock_runtime, lock_state;
	char runtime_path[65]; /* its cap, and the NUL */
	char *state_path;      /* owned */
	char daemon_id[17];
	uint32_t last; /* highest installation number */
	/* owned, by installation: what its name hashes to, 0 = not read yet. One look at each name
	 * in the daemon's life, instead of one at each start; pages of it that no installation
	 * uses are never there. */
	uint32_t *marks;
};

/* ms_state_open_dir - a folder, made when it is missing; never through a link. fd or -errno. */
MS_MUST_CHECK int ms_state_open_dir(int dirfd, const char *name, mode_t mode, struct ms_error *err);

#endif
