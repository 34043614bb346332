/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sdnotify.h - one datagram of sd_notify(3), read. Pure. The bytes are the module's: whatever is
 * not of that form is left out and told by `odd`, and the rest of the datagram still counts.
 */
#ifndef MS_SHIM_SDNOTIFY_H
#define MS_SHIM_SDNOTIFY_H

#include "lib/base.h"

struct ms_sdnotify {
	bool ready, reloading, stopping;
	bool watchdog; /* WATCHDOG=1 */
	bool trigger;  /* WATCHDOG=trigger: treat me as if I had hung */
	bool has_status;
	bool odd;	      /* something in it was not understood, or may not be asked for */
	struct ms_str status; /* borrowed from the datagram; at most MS_MAX_STATUS_BYTES, no NUL and
			       * no newline, otherwise any bytes */
};

/* ms_sdnotify_read - what the @len bytes at @data ask for. */
struct ms_sdnotify ms_sdnotify_read(const char *data, size_t len);

#endif
