/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-cgroup-grow.c - take more than the groups give, or leave them: fork without end (bounded
 * here, and every child ended again), threads, moving to the root group, the release agent
 * (CVE-2022-0492).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#define MANY 200 /* far above the limit that the test gives */

static int fork_many(void)
{
	pid_t pids[MANY];
	int n = 0, code = 0;

	while (n < MANY && code == 0) {
		pids[n] = fork();
		if (pids[n] == 0) {
			(void)pause();
			_exit(0);
		}
		if (pids[n] < 0)
			code = errno;
		else
			n++;
	}
	while (n-- > 0) {
		(void)kill(pids[n], SIGKILL);
		(void)waitpid(pids[n], NULL, 0);
	}
	return -code;
}

static void *wait_for_end(void *gate)
{
	(void)pthread_mutex_lock(gate);
	(void)pthread_mutex_unlock(gate);
	return NULL;
}

static int many_threads(void)
{
	static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[MANY];
	int n = 0, code = 0;

	(void)pthread_mutex_lock(&gate);
	while (n < MANY && code == 0) {
		code = pthread_create(&threads[n], NULL, wait_for_end, &gate);
		n += code == 0;
	}
	(void)pthread_mutex_unlock(&gate);
	while (n-- > 0)
		(void)pthread_join(threads[n], NULL);
	return -code;
}

static int move_to_root(void)
{
	return ms_attack_write("/sys/fs/cgroup/cgroup.procs", "0");
}

static int move_to_root_v1(void)
{
	return ms_attack_write("/sys/fs/cgroup/memory/cgroup.procs", "0");
}

static int lift_memory(void)
{
	return ms_attack_write("/sys/fs/cgroup/memory.max", "max");
}

static int lift_memory_v1(void)
{
	return ms_attack_write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1");
}

static int release_agent(void)
{
	return ms_attack_write("/sys/fs/cgroup/memory/release_agent", "/module/x");
}

static int mount_v1(void)
{
	return ms_attack_result(mount("cgroup", "/tmp", "cgroup", 0, "memory"));
}

static int mount_v2(void)
{
	return ms_attack_result(mount("cgroup2", "/tmp", "cgroup2", 0, ""));
}

static int new_cgroup_namespace(void)
{
	return ms_attack_result(unshare(CLONE_NEWCGROUP));
}

/* CLONE_INTO_CGROUP: clone3 is answered ENOSYS before its arguments are looked at. */
static int clone_elsewhere(void)
{
	unsigned long long args[11] = {0x200000000ULL};

	return ms_attack_result(syscall(435, args, sizeof(args)));
}

static const struct ms_attack acts[] = {
	{"fork-many", fork_many},
	{"many-threads", many_threads},
	{"move-to-root", move_to_root},
	{"move-to-root-v1", move_to_root_v1},
	{"lift-memory", lift_memory},
	{"lift-memory-v1", lift_memory_v1},
	{"release-agent", release_agent},
	{"mount-v1", mount_v1},
	{"mount-v2", mount_v2},
	{"new-cgroup-namespace", new_cgroup_namespace},
	{"clone-elsewhere", clone_elsewhere},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
