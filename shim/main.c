/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - modsup-shim: started by modsupd's spawner as PID 1 of new namespaces with the control
 * socket as descriptor 3 and nothing else; or, with the argument "join", as a helper in the host's
 * (join.c). Not for people: it says nothing on a terminal. Ends with the module's own exit status.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "shim/layer/layer.h"
#include "shim/shim.h"

static struct ms_shim shim = {
	.control = MS_SHIM_CONTROL_FD,
	.join = -EBADF,
	.adopt = -EBADF,
	.proc = -EBADF,
	.child_pidfd = -EBADF,
	.sync = -EBADF,
	.listeners = {[0 ... MS_SHIM_MAX_SERVED - 1] = -EBADF},
	.cgroup_kill = -EBADF,
	.log_pipes = {-EBADF, -EBADF},
	.log_files = {-EBADF, -EBADF},
	.signals = -EBADF,
	.status_sock = -EBADF,
	.flag = -EBADF,
	.plan_fd = -EBADF,
};

void ms_shim_die(const struct ms_shim *s, const struct ms_error *err)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	size_t len = ms_shimwire_failed(buf, MS_SHIM_SPEAKS, err);

	MS_IGNORE(ms_io_send(s->control, buf, len, -EBADF, 0)); /* nobody else to tell */
	ms_sys_exit_group(125); /* PID 1: every process of the namespace goes with it */
}

static bool has_control(void)
{
	struct stat st;

	return ms_sys_fstat(MS_SHIM_CONTROL_FD, &st) == 0 && S_ISSOCK(st.st_mode);
}

int main(int argc, char *argv[])
{
	struct ms_error err = MS_ERROR_INIT;
	uint8_t buf[8];
	bool joins;

	/* first: what is mapped from here on is not for anybody else's eyes */
	if (ms_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return 125;
	joins = argc == 2 && strcmp(argv[1], "join") == 0;
	if (joins ? !has_control() : ms_sys_getpid() != 1) {
		static const char say[] =
			"modsup-shim is started by modsupd, not by hand; see modsupd(8)\n";

		MS_IGNORE(ms_sys_write(STDERR_FILENO, say, sizeof(say) - 1)); /* only a courtesy */
		return 2;
	}
	if (joins)
		return ms_join_main(&shim);
	/* run from a descriptor, it would be called after its number */
	MS_IGNORE(ms_sys_prctl(PR_SET_NAME, (unsigned long)"modsup-shim", 0, 0, 0));
	err.step = MS_STEP_HANDOVER;
	if (ms_handover_receive(&shim, &err) < 0)
		ms_shim_die(&shim, &err);
	err.step = MS_STEP_NONE;
	if (ms_launch_prepare(&shim, &err) < 0 || ms_launch_child(&shim, &err) < 0)
		ms_shim_die(&shim, &err);
	err.step = MS_STEP_SHIM;
	if (ms_layer_seccomp_shim(&shim.plan, &err) < 0)
		ms_shim_die(&shim, &err);
	MS_IGNORE(ms_io_send(shim.control, buf,
			     ms_shimwire_plain(buf, MS_SHIM_SPEAKS, MS_SHIM_PARKED), -EBADF,
			     0)); /* serve notices */
	return ms_serve(&shim);
}
