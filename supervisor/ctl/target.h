/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - how people name what is running: MODULE, MODULE@TENANT, or an instance's hex id.
 */
#ifndef MS_CTL_TARGET_H
#define MS_CTL_TARGET_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"

/* ms_target_request - the members that name it. A word of 8 to 16 hex digits is an instance; of a
 * module with such an id say MODULE@TENANT. 0, or -EINVAL with @err. */
MS_MUST_CHECK int ms_target_request(struct ms_jw *jw, const char *word, struct ms_error *err);

#endif
