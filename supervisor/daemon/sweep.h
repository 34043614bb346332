/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep.h - what a daemon that was killed left in the runtime folder: logs and sockets of instances
 * that nobody knows any more. Only state.c calls this, at the start.
 */
#ifndef MS_DAEMON_SWEEP_H
#define MS_DAEMON_SWEEP_H

#include "lib/base.h"

/* Is this instance's log, or the folder of sockets with this key, in use? */
typedef bool (*ms_sweep_known_fn)(void *data, const char *instance_or_key);

/* ms_sweep_logs - remove <instance>.<n> below @logs. What cannot be removed stays: the next start
 * tries again. */
void ms_sweep_logs(int logs, ms_sweep_known_fn is_known, void *data);
/* ms_sweep_sockets - remove <key>/ with its sockets below @sockets. */
void ms_sweep_sockets(int sockets, ms_sweep_known_fn is_known, void *data);
/* ms_sweep_shims - remove <instance> below @shims: a shim that died, or was not born yet, when the
 * daemon was killed before it had written the record. */
void ms_sweep_shims(int shims, ms_sweep_known_fn is_known, void *data);

#endif
