/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan-file.h - the sealed plan as a file: its hash, and whether one that a shim brings back is the
 * one that it was given. Called by box.c and box-launch.c.
 */
#ifndef MS_DAEMON_PLAN_FILE_H
#define MS_DAEMON_PLAN_FILE_H

#include "lib/base.h"

#define MS_PLAN_HASH_BYTES 32

void ms_plan_file_hash(const void *data, size_t len, uint8_t ret[static MS_PLAN_HASH_BYTES]);
/* ms_plan_file_is - @fd is sealed against every change and hashes to @hash. */
bool ms_plan_file_is(int fd, const uint8_t hash[static MS_PLAN_HASH_BYTES]);

#endif
