/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config-files.h - the administrator's configuration from its files, merged in order.
 */
#ifndef MS_DAEMON_CONFIG_FILES_H
#define MS_DAEMON_CONFIG_FILES_H

#include "lib/error.h"
#include "policy/config.h"

/*
 * ms_config_files_load - the defaults, then @file, then the drop-ins of the folder beside it, in
 * order of their names.
 * @file: NULL = modsupd.json of @private_dir, or of the system; that one may be missing.
 * 0; or not 0: every problem was written to stderr, or @err is filled. Files must be root's and
 * only root's to write.
 */
MS_MUST_CHECK int ms_config_files_load(const char *file, const char *private_dir,
				       struct ms_config **ret, struct ms_error *err);

#endif
