/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-follow.h - a log as the source of a stream: its lines as JSON, and with `follow` those that
 * come, over the restarts of the module.
 */
#ifndef MS_DAEMON_LOG_FOLLOW_H
#define MS_DAEMON_LOG_FOLLOW_H

#include "lib/base.h"
#include "lib/error.h"
#include "supervisor/daemon/log-lines.h"
#include "supervisor/daemon/stream.h"

struct ms_instance;
struct ms_supervisor;

struct ms_log_request {
	struct ms_instance *instance;
	struct ms_log_filter filter;
	uint64_t lines; /* the last so many of what is there */
	bool follow;	/* and what comes */
	bool by_module; /* following: also of the instances after this one */
};

/* ms_logfollow_open - a stream of it for @whom. The log's files may not be there yet when
 * following. */
MS_MUST_CHECK int ms_logfollow_open(struct ms_supervisor *s, const struct ms_log_request *request,
				    const struct ms_stream_for *whom, struct ms_stream **ret,
				    struct ms_error *err);

/* ms_logfollow_files - the two files; not-found when the instance has no log. */
MS_MUST_CHECK int ms_logfollow_files(struct ms_supervisor *s, const struct ms_instance *i,
				     int ret_fds[static 2], struct ms_error *err);

#endif
