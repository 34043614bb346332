/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folder.h - a module's folder by a path that an administrator or a backend wrote. Who may write to
 * a folder decides what runs and, by a socket put there later, what a module can reach: so only
 * folders of root (or of the daemon's own user) are opened, and no link of anybody else leads
 * there. Called by start.c.
 */
#ifndef MS_DAEMON_FOLDER_H
#define MS_DAEMON_FOLDER_H

#include "lib/base.h"
#include "lib/error.h"

/* ms_folder_open - the folder at the absolute @path as an O_PATH descriptor. */
MS_MUST_CHECK int ms_folder_open(struct ms_str path, int *ret, struct ms_error *err);

#endif
