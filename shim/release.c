/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * release.c - the last thing before the module's program: it may run, or it may not. Called by
 * serve.c and join.c when modsupd says RELEASE; what comes after this cannot be taken back.
 */
#include "lib/sys.h"
#include "shim/shim.h"

/* The emergency flag says no, or cannot be asked: the same. */
static int check_flag(struct ms_shim *shim, struct ms_error *err)
{
	char first = '1';
	ssize_t n;

	if (shim->flag < 0)
		return 0;
	n = ms_sys_pread64(shim->flag, &first, 1, 0);
	shim->flag = ms_fd_close(shim->flag); /* asked once: nothing is executed after this */
	if (n == 1 && first == '0')
		return 0;
	err->step = MS_STEP_RELEASE;
	if (n == 1 && first == '1') {
		ms_error_say(err, ECANCELED, MS_REASON_EMERGENCY,
			     "an emergency stop is in force: nothing is started");
		return ms_error_hint(err, "`modsupctl emergency lift` ends the emergency stop");
	}
	ms_error_say(err, ECANCELED, MS_REASON_EMERGENCY,
		     "the emergency flag cannot be read: nothing is started");
	return ms_error_hint(err, "`modsupctl emergency status` says what is wrong with it");
}

int ms_release(struct ms_shim *shim, struct ms_error *err)
{
	const char release = MS_SYNC_RELEASE;
	int r;

	r = check_flag(shim, err);
	if (r < 0)
		return r;
	r = ms_io_send(shim->sync, &release, 1, -EBADF, 0);
	if (r < 0)
		return ms_error_set(err, -r, "release the module's child");
	return 0;
}
