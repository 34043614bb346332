/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - one `run` or `exec` from its request to its exit code: the standard streams carried
 * to and from the caller's, signals passed on, the end awaited, the output drained.
 */
#ifndef MS_CTL_SESSION_H
#define MS_CTL_SESSION_H

#include "lib/base.h"
#include "policy/json.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"

struct ms_session_request {
	struct ms_jw *take_params; /* of instance.start, or instance.exec; consumed */
	bool exec;		   /* a command in an instance, not a module */
	const char *module;	   /* whose events to ask for; NULL: not known */
	bool tty, quiet;
	uint64_t timeout_usec; /* 0: none */
};

/* ms_session_run - all of it, over a connection that nothing else uses. The exit code: the module's
 * own, 128 + n, or one of modsupctl's after the error was told. */
MS_MUST_CHECK int ms_session_run(struct ms_ctl *ctl, struct ms_client *client,
				 struct ms_session_request *request);

#endif
