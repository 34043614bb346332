/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-userns-nest.c - a user namespace of one's own is the door to most kernel bugs of the last
 * ten years (CVE-2022-0185, CVE-2023-32233, CVE-2024-1086): try every way to get one, and see
 * whether the module stands in the host's.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int reaped(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
	return ms_attack_result(pid);
}

static int unshare_user(void)
{
	return ms_attack_result(unshare(CLONE_NEWUSER));
}

static int unshare_others(void)
{
	return ms_attack_result(
		unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC));
}

static int clone_user(void)
{
	return reaped(syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0L, 0L, 0L, 0L));
}

/* Bits that the kernel drops must not hide the flag from the filter. */
static int clone_high_bits(void)
{
	return reaped(
		syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD | (1ULL << 40)), 0L, 0L, 0L, 0L));
}

static int clone3_user(void)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

	return reaped(syscall(SYS_clone3, &args, sizeof(args)));
}

static int join_own(void)
{
	int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = ms_attack_result(setns(fd, 0));
	(void)close(fd);
	return r;
}

static int map_another_id(void)
{
	return ms_attack_write("/proc/self/uid_map", "0 0 1\n");
}

static int raise_the_limit(void)
{
	return ms_attack_write("/proc/sys/user/max_user_namespaces", "1000\n");
}

/* Without a namespace of its own the module sees root's files as root's, not as nobody's. */
static int see_host_owners(void)
{
	struct stat st;

	if (stat("/usr", &st) < 0)
		return -errno;
	return st.st_uid == 0 ? 0 : -EOVERFLOW;
}

/* The whole range of ids mapped: this is the host's namespace. */
static int stand_in_host_namespace(void)
{
	unsigned long inside = 0, outside = 0, count = 0;
	FILE *file = fopen("/proc/self/uid_map", "re");
	int n;

	if (!file)
		return -errno;
	n = fscanf(file, "%lu %lu %lu", &inside, &outside, &count);
	(void)fclose(file);
	return n == 3 && count == 1 ? -EPERM : 0;
}

static const struct ms_attack acts[] = {
	{"unshare-user", unshare_user},	      {"unshare-others", unshare_others},
	{"clone-user", clone_user},	      {"clone-high-bits", clone_high_bits},
	{"clone3-user", clone3_user},	      {"join-own", join_own},
	{"map-another-id", map_another_id},   {"raise-the-limit", raise_the_limit},
	{"see-host-owners", see_host_owners}, {"stand-in-host-namespace", stand_in_host_namespace},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
