/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-ids-shim.c - the module's parent, process 1 of its namespace, holds everything: signal it,
 * slow it, limit it, look into it. And do the same to whatever else could be reached by number
 * (NEIGHBOUR_PID is a process of another module as the host numbers it).
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int kill_shim(void)
{
	return ms_attack_result(kill(1, SIGKILL));
}

static int stop_shim(void)
{
	return ms_attack_result(kill(1, SIGSTOP));
}

static int probe_shim(void)
{
	return ms_attack_result(kill(1, 0));
}

static int kill_everybody(void)
{
	return ms_attack_result(kill(-1, SIGKILL));
}

static int kill_shim_by_pidfd(void)
{
	long fd = syscall(SYS_pidfd_open, 1, 0);

	if (fd < 0)
		return -errno;
	return ms_attack_result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
}

static int queue_to_shim(void)
{
	siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_QUEUE};

	return ms_attack_result(syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &info));
}

static int thread_of_shim(void)
{
	return ms_attack_result(syscall(SYS_tgkill, 1, 1, SIGKILL));
}

static int slow_shim(void)
{
	return ms_attack_result(setpriority(PRIO_PROCESS, 1, 19));
}

static int idle_shim(void)
{
	struct sched_param param = {0};

	return ms_attack_result(sched_setscheduler(1, SCHED_IDLE, &param));
}

static int pin_shim(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return ms_attack_result(sched_setaffinity(1, sizeof(set), &set));
}

static int slow_disk_of_shim(void)
{
	return ms_attack_result(syscall(SYS_ioprio_set, 1, 1, 3 << 13));
}

static int limit_shim(void)
{
	struct rlimit limit = {0, 0};

	return ms_attack_result(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &limit, NULL));
}

/* A child that kills its parent by the death signal: nobody's but its own. */
static int own_group_of_shim(void)
{
	return ms_attack_result(setpgid(1, 0));
}

static pid_t neighbour(void)
{
	const char *text = getenv("NEIGHBOUR_PID");

	return text ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int signal_neighbour(void)
{
	pid_t pid = neighbour();

	return pid > 0 ? ms_attack_result(kill(pid, SIGTERM)) : 0;
}

static int open_neighbour(void)
{
	pid_t pid = neighbour();

	return pid > 0 ? ms_attack_result(syscall(SYS_pidfd_open, pid, 0)) : 0;
}

static int slow_neighbour(void)
{
	pid_t pid = neighbour();

	return pid > 0 ? ms_attack_result(setpriority(PRIO_PROCESS, (id_t)pid, 19)) : 0;
}

static const struct ms_attack acts[] = {
	{"kill-shim", kill_shim},
	{"stop-shim", stop_shim},
	{"probe-shim", probe_shim},
	{"kill-everybody", kill_everybody},
	{"kill-shim-by-pidfd", kill_shim_by_pidfd},
	{"queue-to-shim", queue_to_shim},
	{"thread-of-shim", thread_of_shim},
	{"slow-shim", slow_shim},
	{"idle-shim", idle_shim},
	{"pin-shim", pin_shim},
	{"slow-disk-of-shim", slow_disk_of_shim},
	{"limit-shim", limit_shim},
	{"group-of-shim", own_group_of_shim},
	{"signal-neighbour", signal_neighbour},
	{"open-neighbour", open_neighbour},
	{"slow-neighbour", slow_neighbour},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
