/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - how people name what is running: MODULE, MODULE@TENANT, or an instance's hex id.
 */
#ifndef MS_CTL_TARGET_H
#define MS_CTL_TARGET_H

#include "lib/base.h"
#include "lib/error.h"
#include "policy/json.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"

/* ms_target_request - the members that name it. A word of 8 to 16 hex digits is an instance; of a
 * module with such an id say MODULE@TENANT. 0, or -EINVAL with @err. */
MS_MUST_CHECK int ms_target_request(struct ms_jw *jw, const char *word, struct ms_error *err);

/* ms_target_module - the same of a word that can only be MODULE or MODULE@TENANT; @tenant: where
 * the word has none, or NULL. */
MS_MUST_CHECK int ms_target_module(struct ms_jw *jw, const char *word, const char *tenant,
				   struct ms_error *err);

/* ms_target_ask - a call about it that needs nothing more. MS_EXIT_DONE, or the exit code after the
 * error was told. */
MS_MUST_CHECK int ms_target_ask(struct ms_ctl *ctl, struct ms_client *client, const char *method,
				const char *word, int timeout_ms, struct ms_message *ret);

#endif
