/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostcheck.h - each layer: is it there, how was that tried, what to change on this host. Probed by
 * doing, in a forked child where the doing would stick; never by version or configuration alone.
 */
#ifndef MS_DAEMON_HOSTCHECK_H
#define MS_DAEMON_HOSTCHECK_H

#include "lib/base.h"
#include "lib/buf.h"
#include "policy/config.h"
#include "policy/json.h"

enum ms_check_verdict { MS_CHECK_OK, MS_CHECK_DEGRADED, MS_CHECK_MISSING };

struct ms_check {
	const char *layer; /* "landlock" */
	enum ms_check_verdict verdict;
	bool required;	  /* missing = no module starts */
	char found[160];  /* "ABI 7" */
	char probed[160]; /* "landlock_create_ruleset(VERSION)" */
	char advice[256]; /* what to change, "" when nothing */
};

struct ms_host_report {
	struct ms_check checks[32];
	uint32_t n_checks;
	bool fit; /* every required layer is there */
};

/* ms_hostcheck_run - all probes, at most a second or two in all. */
void ms_hostcheck_run(const struct ms_config *config, struct ms_host_report *ret);
/* ms_hostcheck_json - the result object of host.check and of `modsupd --check`. */
void ms_hostcheck_json(const struct ms_host_report *report, const char *key, struct ms_jw *jw);
/* ms_hostcheck_members - the same into an object that is open already. */
void ms_hostcheck_members(const struct ms_host_report *report, struct ms_jw *jw);
/* ms_hostcheck_print - for people: a line a layer, and what to do below it. 80 columns. */
void ms_hostcheck_print(const struct ms_host_report *report, struct ms_buf *out);

#endif
