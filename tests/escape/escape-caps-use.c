/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-caps-use.c - use or regain a capability, in whatever namespace.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int hold_any(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	__u32 all;

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	all = data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective |
	      data[1].permitted | data[1].inheritable;
	return all ? 0 : -EPERM;
}

/* What a setuid program or one with file capabilities could give back. */
static int keep_bounding_set(void)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return 0;
	return -EPERM;
}

static int take_all(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};

	return ms_attack_result(syscall(SYS_capset, &head, data));
}

static int raise_ambient(void)
{
	return ms_attack_result(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
}

static int read_locked_file(void)
{
	int fd = open("/tmp/locked", O_WRONLY | O_CREAT | O_CLOEXEC, 0000);

	if (fd < 0)
		return 0;
	(void)close(fd);
	return ms_attack_open("/tmp/locked", O_RDONLY);
}

static int become_root(void)
{
	return ms_attack_result(setuid(0));
}

static int become_root_group(void)
{
	return ms_attack_result(setgid(0));
}

static int join_groups(void)
{
	gid_t root = 0;

	return ms_attack_result(setgroups(1, &root));
}

static int change_root(void)
{
	return ms_attack_result(chroot("/"));
}

static int make_disk(void)
{
	return ms_attack_result(mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
}

static int make_memory(void)
{
	return ms_attack_result(mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
}

static int rename_host(void)
{
	return ms_attack_result(sethostname("owned", 5));
}

static int set_clock(void)
{
	struct timeval now = {.tv_sec = 0};

	return ms_attack_result(syscall(SYS_settimeofday, &now, NULL));
}

static int run_first(void)
{
	struct sched_param param = {.sched_priority = 1};

	return ms_attack_result(sched_setscheduler(0, SCHED_FIFO, &param));
}

static int be_nicer_to_oneself(void)
{
	return ms_attack_result(setpriority(PRIO_PROCESS, 0, -10));
}

static int give_a_file_away(void)
{
	if (ms_attack_open("/tmp/gift", O_WRONLY | O_CREAT) < 0)
		return 0;
	return ms_attack_result(chown("/tmp/gift", 0, 0));
}

static const struct ms_attack acts[] = {
	{"hold-any", hold_any},
	{"keep-bounding-set", keep_bounding_set},
	{"take-all", take_all},
	{"raise-ambient", raise_ambient},
	{"read-locked-file", read_locked_file},
	{"become-root", become_root},
	{"become-root-group", become_root_group},
	{"join-groups", join_groups},
	{"chroot", change_root},
	{"make-disk", make_disk},
	{"make-memory", make_memory},
	{"rename-host", rename_host},
	{"set-clock", set_clock},
	{"run-first", run_first},
	{"be-nicer-to-oneself", be_nicer_to_oneself},
	{"give-a-file-away", give_a_file_away},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
