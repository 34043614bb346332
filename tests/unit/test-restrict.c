/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-restrict.c - in a child of its own: what is gone, what still works, and that nothing comes
 * back. Needs root (77 without).
 */
#include "supervisor/daemon/restrict.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "policy/layer/seccomp.h"
#include "supervisor/daemon/layer/seccomp.h"
#include "tests/unit/test.h"

static char status_text[8192];

static const char *status_field(const char *name)
{
	ms_auto_fd int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = ms_fs_read_all(fd, status_text, sizeof(status_text) - 1);
	char *p;

	if (n < 0)
		return "";
	status_text[n] = '\0';
	p = strstr(status_text, name);
	if (!p)
		return "";
	p += strlen(name) + 2;
	p[strcspn(p, "\n")] = '\0';
	return p;
}

/* SYS_ADMIN 21, NET_ADMIN 12, DAC_OVERRIDE 1, CHOWN 0, FOWNER 3, KILL 5 */
#define LIST (UINT64_C(1) << 21 | 1u << 12 | 1u << 1 | 1u << 0 | 1u << 3 | 1u << 5)

static uint64_t status_caps(const char *name)
{
	return strtoull(status_field(name), NULL, 16);
}

static void check_gone(uint64_t permitted_before)
{
	char *argv[] = {(char *)"/bin/true", NULL};

	CHECK_EQ(status_caps("CapPrm"), permitted_before & LIST);
	CHECK_EQ(status_caps("CapEff"), permitted_before & LIST);
	CHECK_EQ(status_caps("CapInh"), 0);
	CHECK_EQ(status_caps("CapAmb"), 0);
	CHECK_EQ(status_caps("CapBnd") & ~LIST, 0);
	CHECK_STR(status_field("NoNewPrivs"), "1");
	CHECK_STR(status_field("Seccomp"), "2");
	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	CHECK(execv(argv[0], argv) < 0 && errno == ENOSYS);
	CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(syscall(SYS_keyctl, 0, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(syscall(SYS_init_module, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(setuid(1000) < 0 && errno == ENOSYS);
	CHECK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0 && errno == ENOSYS);
	CHECK(unshare(CLONE_NEWUSER) < 0 && errno == ENOSYS);
	CHECK(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED);
}

static void check_left(void)
{
	sigset_t mask;
	int fds[2], status = 1;
	struct ms_bpf bpf = {0};
	pid_t pid;

	CHECK(epoll_create1(EPOLL_CLOEXEC) >= 0);
	(void)sigemptyset(&mask);
	CHECK(signalfd(-1, &mask, SFD_CLOEXEC) >= 0);
	CHECK(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC) >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0);
	CHECK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER) >= 0);
	CHECK(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(fchown(fds[0], 1, 1) == 0 || errno != ENOSYS);
	/* A module's filter is compiled when it is launched: long after this. */
	CHECK_EQ(ms_seccomp_compile(ms_seccomp_module_profile(), MS_BPF_NOTIFY, &bpf, NULL), 0);
	CHECK(bpf.len > 0);
	ms_bpf_done(&bpf);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) == 0 ? 0 : errno);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

TEST(restrict_self)
{
	uint64_t permitted = status_caps("CapPrm");
	int status = -1;
	pid_t pid;

	if (geteuid() != 0 || !(permitted >> 8 & 1) || !(permitted >> 21 & 1))
		TEST_SKIP("needs root with CAP_SETPCAP and CAP_SYS_ADMIN");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct ms_error err = MS_ERROR_INIT;
		int r = ms_restrict_self(&err);

		if (r < 0)
			printf("%s\n", err.msg);
		CHECK_EQ(r, 0);
		check_gone(permitted);
		check_left();
		(void)fflush(stdout);
		_exit(test_failures ? 1 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

/* SYS_ADMIN SYS_CHROOT SETUID SETGID SETPCAP CHOWN FOWNER DAC_OVERRIDE MKNOD SYS_RESOURCE KILL */
#define LAUNCH                                                                                     \
	(UINT64_C(1) << 21 | 1u << 18 | 1u << 7 | 1u << 6 | 1u << 8 | 1u << 0 | 1u << 3 |          \
	 1u << 1 | 1u << 27 | 1u << 24 | 1u << 5)

static void check_spawner(uint64_t permitted)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = ms_restrict_spawner(&err);

	if (r < 0)
		printf("%s\n", err.msg);
	CHECK_EQ(r, 0);
	CHECK_EQ(status_caps("CapPrm"), permitted & LAUNCH);
	CHECK_EQ(status_caps("CapEff"), permitted & LAUNCH);
	CHECK_EQ(status_caps("CapInh"), 0);
	CHECK_EQ(status_caps("CapBnd") & ~LAUNCH, 0);
	CHECK_STR(status_field("Seccomp_filters"), "0");
	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

TEST(restrict_spawner)
{
	uint64_t permitted = status_caps("CapPrm");
	char script[200], before[32] = "";
	int status = -1;
	pid_t pid;

	(void)snprintf(before, sizeof(before), "%s", status_field("Seccomp_filters"));
	if (geteuid() != 0 || !(permitted >> 8 & 1) || strcmp(before, "0") != 0)
		TEST_SKIP("needs root with CAP_SETPCAP, outside of other filters");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		check_spawner(permitted);
		(void)fflush(stdout);
		/* what an exec as root, a shim's, starts with */
		(void)snprintf(script, sizeof(script),
			       "grep -q 'CapEff:.*%016llx' /proc/self/status",
			       (unsigned long long)(permitted & LAUNCH));
		if (!test_failures)
			(void)execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

TEST(kept_list)
{
	const char *why = NULL;
	size_t n = 0;

	for (; ms_restrict_kept(n, &why); n++)
		CHECK(why && *why);
	CHECK_EQ(n, __builtin_popcountll(LIST));
}
