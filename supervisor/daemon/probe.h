/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - one question to a module over its own socket: does GET PATH get an answer, and with
 * which status? For readiness and health checks. What answers is a module, so that nothing of the
 * answer is looked at but its first bytes, at fixed places; it never blocks and always ends.
 */
#ifndef MS_DAEMON_PROBE_H
#define MS_DAEMON_PROBE_H

#include <systemd/sd-event.h>

#include "lib/base.h"

struct ms_probe;

/* @status: an HTTP status, 100 to 999, or
 *	-ETIMEDOUT	no answer in time
 *	-EPROTO		something else than HTTP/1.x, or an end before the status
 *	-ECONNREFUSED	nobody listens, -ENOENT: there is no socket
 *	-EAGAIN		so many connections wait that no more fits
 * or what else connecting, writing or reading failed with. The probe may be freed in here. */
typedef void (*ms_probe_fn)(void *data, int status);

/*
 * ms_probe_start - ask; @fn is called once, never from in here and never after ms_probe_free().
 * @http_path: as ms_check_probe_path() has it; it goes into the request as it is.
 * @timeout_usec: of CLOCK_BOOTTIME, for all of it.
 * 0 and a probe to free; -ENOMEM; -ENAMETOOLONG; -errno of the loop.
 */
MS_MUST_CHECK int ms_probe_start(sd_event *loop, const char *socket_path, struct ms_str http_path,
				 uint64_t timeout_usec, ms_probe_fn fn, void *data,
				 struct ms_probe **ret);
/* ms_probe_free - gives up what still goes on; NULL is fine. Returns NULL. */
struct ms_probe *ms_probe_free(struct ms_probe *probe);
static inline void ms_probe_cleanup(struct ms_probe **probe)
{
	*probe = ms_probe_free(*probe);
}

#endif
