/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-rlimit-raise.c - raise a limit, or lower the one of which the host's core handler depends:
 * with RLIMIT_CORE at 1 no handler starts, with 0 it would, as root (CVE-2022-4415).
 */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#define MANY_FILES 4000 /* far above any limit that a test gives */

static int open_many_files(void)
{
	int fds = 0, code = 0, fd;

	while (fds < MANY_FILES && code == 0) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			code = errno;
		else
			fds++;
	}
	(void)close_range(3, ~0u, 0);
	return -code;
}

static int raise_files(void)
{
	struct rlimit limit = {65536, 65536};

	return ms_attack_result(setrlimit(RLIMIT_NOFILE, &limit));
}

static int high_number(void)
{
	return ms_attack_result(fcntl(0, F_DUPFD_CLOEXEC, 3000));
}

static int core_zero(void)
{
	struct rlimit limit = {0, 0};

	return ms_attack_result(syscall(SYS_setrlimit, RLIMIT_CORE, &limit));
}

static int core_zero_soft(void)
{
	struct rlimit limit = {0, 1};

	return ms_attack_result(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL));
}

static int core_by_pid(void)
{
	struct rlimit limit = {0, 1};

	return ms_attack_result(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &limit, NULL));
}

/* The kernel looks at 32 bits of the number. */
static int core_high_bits(void)
{
	struct rlimit limit = {0, 1};

	return ms_attack_result(syscall(SYS_prlimit64, 0L, (1L << 32) | RLIMIT_CORE, &limit, NULL));
}

static int core_of_shim(void)
{
	struct rlimit limit = {0, 0};

	return ms_attack_result(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &limit, NULL));
}

static int crash(void)
{
	(void)raise(SIGSEGV);
	return 0;
}

/* WCOREDUMP tells whether the kernel was about to write one or start a handler. */
static int dump_core(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-crash());
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return 0;
	return WCOREDUMP(status) ? 0 : -EPERM;
}

static int lock_memory(void)
{
	void *p = mmap(NULL, 8u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : ms_attack_result(mlock(p, 8u << 20));
}

static int message_queue(void)
{
	mqd_t queue = mq_open("/planted", O_RDWR | O_CREAT, 0600, NULL);

	if (queue == (mqd_t)-1)
		return -errno;
	(void)mq_close(queue);
	(void)mq_unlink("/planted");
	return 0;
}

static const struct ms_attack acts[] = {
	{"open-many-files", open_many_files},
	{"raise-files", raise_files},
	{"high-number", high_number},
	{"core-zero", core_zero},
	{"core-zero-soft", core_zero_soft},
	{"core-by-pid", core_by_pid},
	{"core-high-bits", core_high_bits},
	{"limits-of-shim", core_of_shim},
	{"dump-core", dump_core},
	{"lock-memory", lock_memory},
	{"message-queue", message_queue},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
