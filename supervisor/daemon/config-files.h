/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config-files.h - the administrator's configuration from its files, merged in order.
 */
#ifndef MS_DAEMON_CONFIG_FILES_H
#define MS_DAEMON_CONFIG_FILES_H

#include "lib/error.h"
#include "policy/config.h"

/*
 * ms_config_files_read - the defaults, then @file, then the drop-ins of the folder beside it, in
 * order of their names.
 * @file: NULL = modsupd.json of @private_dir, or of the system; that one may be missing.
 * 0; MS_CONFIG_INVALID with @ret_report (owned by the caller); or -errno with @err. Files must be
 * root's and only root's to write.
 */
MS_MUST_CHECK int ms_config_files_read(const char *file, const char *private_dir,
				       struct ms_config **ret, struct ms_report **ret_report,
				       struct ms_error *err);
/* ms_config_files_load - the same, and the report goes to stderr. */
MS_MUST_CHECK int ms_config_files_load(const char *file, const char *private_dir,
				       struct ms_config **ret, struct ms_error *err);

#endif
