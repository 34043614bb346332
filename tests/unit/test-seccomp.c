/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-seccomp.c - the compiled filters against their rows (every row, every near miss, in an
 * interpreter of the filter language), against a table of what must never change, and against real
 * programs under the real kernel with somebody counting the notifications.
 */
#include "policy/layer/seccomp.h"
#include "supervisor/daemon/layer/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/sys.h"
#include "modsup/limits.h"
#include "tests/unit/test.h"

#define X32	 0x40000000u
#define ALLOWED	 SECCOMP_RET_ALLOW
#define REPORTED SECCOMP_RET_USER_NOTIF
#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define HIGH	 UINT64_C(0xdeadbeef00000000)

/* The part of classic BPF that seccomp(2) allows and libseccomp emits. Anything else is -1. */
static uint32_t run_bpf(const struct ms_bpf *bpf, const struct seccomp_data *data)
{
	const struct sock_filter *code = (const void *)bpf->bytes;
	size_t n = bpf->len / sizeof(*code);
	uint32_t acc = 0, word;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k + 4 > sizeof(*data))
				return UINT32_MAX;
			memcpy(&word, (const char *)data + i->k, 4);
			acc = word;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += acc == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += acc > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += acc >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return UINT32_MAX;
		}
	}
	return UINT32_MAX;
}

static bool test_holds(const struct ms_arg_test *t, const uint64_t *args)
{
	switch (t->op) {
	case MS_ARG_ANY:
		return true;
	case MS_ARG_EQ:
		return (args[t->arg] & t->mask) == t->value;
	case MS_ARG_NOT_NULL:
		return args[t->arg] != 0;
	}
	return false;
}

/* What the rows say, read naively. *ret_n counts the rows that hold. */
static uint32_t run_rows(const struct ms_call_profile *p, uint32_t missing, const char *name,
			 const uint64_t *args, unsigned *ret_n)
{
	uint32_t verdict = missing;

	*ret_n = 0;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct ms_call_rule *rule = &p->rules[i];
		bool all = strcmp(rule->name, name) == 0;

		for (size_t t = 0; all && t < MS_ARRAY_LEN(rule->tests); t++)
			all = test_holds(&rule->tests[t], args);
		if (!all)
			continue;
		++*ret_n;
		if (rule->verdict == MS_VERDICT_ALLOW)
			verdict = ALLOWED;
		else if (rule->verdict == MS_VERDICT_QUIET)
			verdict = ERRNO(rule->error);
	}
	return verdict;
}

/* Every value that any row of @name tests argument @arg for, each also with the bits outside the
 * mask set, and with one bit of the mask flipped. */
static size_t candidates(const struct ms_call_profile *p, const char *name, unsigned arg,
			 uint64_t *ret, size_t max)
{
	size_t n = 0;

	ret[n++] = 0;
	ret[n++] = UINT64_C(0x1234567800000000); /* not null, and nothing in the low half */
	ret[n++] = UINT64_MAX;
	for (size_t i = 0; i < p->n_rules; i++) {
		for (size_t t = 0; t < 3 && strcmp(p->rules[i].name, name) == 0; t++) {
			const struct ms_arg_test *test = &p->rules[i].tests[t];
			uint64_t more[] = {test->value, test->value | ~test->mask,
					   test->value ^ (test->mask & ~(test->mask - 1))};
			bool seen;

			if (test->op != MS_ARG_EQ || test->arg != arg)
				continue;
			for (size_t m = 0; m < 3; m++) {
				seen = false;
				for (size_t s = 0; s < n; s++)
					seen |= ret[s] == more[m];
				if (!seen && n < max)
					ret[n++] = more[m];
			}
		}
	}
	CHECK(n < max);
	return n;
}

/* All combinations of candidates of the (at most three) arguments that rows of @name look at. */
static unsigned long compare_call(const struct ms_call_profile *p, const struct ms_bpf *bpf,
				  uint32_t missing, const char *name)
{
	static uint64_t values[3][512];
	size_t n[3] = {1, 1, 1};
	unsigned args[3] = {0}, n_args = 0;
	unsigned long compared = 0;

	for (unsigned a = 0; a < 6; a++) {
		bool used = false;

		for (size_t i = 0; i < p->n_rules; i++)
			for (size_t t = 0; t < 3 && strcmp(p->rules[i].name, name) == 0; t++)
				used |= p->rules[i].tests[t].op != MS_ARG_ANY &&
					p->rules[i].tests[t].arg == a;
		if (!used)
			continue;
		if (n_args == 3) {
			printf("%s: rows look at more than three arguments\n", name);
			CHECK(n_args < 3);
			return 0;
		}
		args[n_args] = a;
		n[n_args] = candidates(p, name, a, values[n_args], 512);
		n_args++;
	}
	for (size_t x = 0; x < n[0] * n[1] * n[2]; x++) {
		struct seccomp_data data = {.nr = ms_seccomp_name_nr(name),
					    .arch = AUDIT_ARCH_X86_64};
		size_t pick[3] = {x % n[0], x / n[0] % n[1], x / n[0] / n[1]};
		uint64_t in[6] = {HIGH, HIGH, HIGH, HIGH, HIGH, HIGH};
		unsigned rows;
		uint32_t want, got;

		for (unsigned a = 0; a < n_args; a++)
			in[args[a]] = values[a][pick[a]];
		for (unsigned a = 0; a < 6; a++)
			data.args[a] = in[a];
		want = run_rows(p, missing, name, in, &rows);
		got = run_bpf(bpf, &data);
		compared++;
		if (rows <= 1 && got == want)
			continue;
		printf("%s(%llx, %llx, %llx, %llx, %llx): %u rows, filter %x, rows say %x\n", name,
		       (unsigned long long)in[0], (unsigned long long)in[1],
		       (unsigned long long)in[2], (unsigned long long)in[3],
		       (unsigned long long)in[4], rows, got, want);
		CHECK(rows <= 1);
		CHECK_EQ(got, want);
		return compared;
	}
	return compared;
}

static void compare_profile(const struct ms_call_profile *p, enum ms_bpf_default how,
			    uint32_t missing, uint32_t foreign)
{
	struct ms_bpf bpf = {0};
	struct ms_error err = MS_ERROR_INIT;
	unsigned long compared = 0;
	int r = ms_seccomp_compile(p, how, &bpf, &err);

	if (r < 0)
		printf("%s\n", err.msg);
	REQUIRE(r == 0);
	CHECK(bpf.len <= MS_MAX_BPF_INSNS * 8);
	for (size_t i = 0; i < p->n_rules; i++) {
		bool first = true;

		CHECK(ms_seccomp_name_nr(p->rules[i].name) >= 0);
		for (size_t j = 0; j < i; j++)
			first &= strcmp(p->rules[j].name, p->rules[i].name) != 0;
		if (first)
			compared += compare_call(p, &bpf, missing, p->rules[i].name);
	}
	CHECK(compared > p->n_rules);
	/* Every number, also those that nobody has. */
	for (unsigned nr = 0; nr <= 1000; nr++) {
		struct seccomp_data data = {.nr = (int)nr, .arch = AUDIT_ARCH_X86_64};
		char name[MS_CALL_NAME_BYTES];
		uint64_t args[6] = {0};
		unsigned rows;

		if (ms_seccomp_name(AUDIT_ARCH_X86_64, nr, name))
			CHECK_EQ(run_bpf(&bpf, &data), run_rows(p, missing, name, args, &rows));
		else
			CHECK_EQ(run_bpf(&bpf, &data), missing);
		data.nr = (int)(nr | X32);
		CHECK_EQ(run_bpf(&bpf, &data), foreign);
		data.nr = (int)nr;
		data.arch = AUDIT_ARCH_I386;
		CHECK_EQ(run_bpf(&bpf, &data), foreign);
		data.arch = AUDIT_ARCH_AARCH64;
		CHECK_EQ(run_bpf(&bpf, &data), foreign);
	}
	printf("%s: %zu rows, %zu instructions, %lu argument lists compared\n", p->name, p->n_rules,
	       bpf.len / 8, compared);
	ms_bpf_done(&bpf);
}

TEST(module_filter_is_its_rows)
{
	compare_profile(ms_seccomp_module_profile(), MS_BPF_NOTIFY, REPORTED, REPORTED);
}

TEST(shim_filter_is_its_rows)
{
	compare_profile(ms_seccomp_shim_profile(), MS_BPF_KILL, SECCOMP_RET_KILL_PROCESS,
			SECCOMP_RET_KILL_PROCESS);
}

TEST(daemon_filter_is_its_rows)
{
	compare_profile(ms_seccomp_daemon_profile(), MS_BPF_ENOSYS, ERRNO(ENOSYS),
			SECCOMP_RET_KILL_PROCESS);
}

/* What no change of the rows may ever change. */
static const struct {
	const char *call;
	uint64_t args[5];
	uint32_t want;
} fixed[] = {
	{"read", {0}, ALLOWED},
	{"execve", {0}, ALLOWED},
	{"ptrace", {0}, REPORTED},
	{"process_vm_readv", {0}, REPORTED},
	{"bpf", {0}, REPORTED},
	{"keyctl", {0}, REPORTED},
	{"open_by_handle_at", {0}, REPORTED},
	{"mount", {0}, REPORTED},
	{"umount2", {0}, REPORTED},
	{"move_mount", {0}, REPORTED},
	{"open_tree", {0}, REPORTED},
	{"fsopen", {0}, REPORTED},
	{"pivot_root", {0}, REPORTED},
	{"chroot", {0}, REPORTED},
	{"setns", {0}, REPORTED},
	{"unshare", {0}, REPORTED},
	{"unshare", {CLONE_NEWUSER}, REPORTED},
	{"seccomp", {SECCOMP_SET_MODE_FILTER}, REPORTED},
	{"prctl", {PR_SET_SECCOMP}, REPORTED},
	{"prctl", {PR_SET_SECCOMP | HIGH}, REPORTED},
	{"prctl", {PR_SET_NAME | HIGH}, ALLOWED},
	{"prctl", {PR_SET_MM}, REPORTED},
	{"prctl", {PR_CAPBSET_DROP}, REPORTED},
	{"prctl", {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE}, REPORTED},
	{"io_uring_setup", {0}, ERRNO(ENOSYS)},
	{"io_uring_enter", {0}, REPORTED},
	{"io_uring_register", {0}, REPORTED},
	{"clone3", {0}, ERRNO(ENOSYS)},
	{"clone", {SIGCHLD}, ALLOWED},
	{"clone", {CLONE_NEWUSER | SIGCHLD}, REPORTED},
	{"clone", {CLONE_NEWUSER | HIGH}, REPORTED},
	{"clone", {CLONE_NEWNET}, REPORTED},
	{"clone", {CLONE_PARENT | SIGCHLD}, REPORTED},
	{"clone", {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}, ALLOWED},
	{"ioctl", {0, 0x5412 /* TIOCSTI */}, REPORTED},
	{"ioctl", {0, 0x5412 | UINT64_C(1) << 32}, REPORTED},
	{"ioctl", {0, 0x541c /* TIOCLINUX */}, REPORTED},
	{"ioctl", {0, 0x5423 /* TIOCSETD */}, REPORTED},
	{"ioctl", {0, 0x5401 /* TCGETS */}, ALLOWED},
	{"ioctl", {0, 0x5401 | HIGH}, ALLOWED},
	{"socket", {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}, ALLOWED},
	{"socket", {AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 6}, ALLOWED},
	{"socket", {AF_INET | HIGH, SOCK_RAW | HIGH, 1}, REPORTED},
	{"socket", {AF_INET, SOCK_DGRAM, 1}, REPORTED},
	{"socket", {AF_INET, SOCK_STREAM, 132}, REPORTED},
	{"socket", {AF_INET, SOCK_STREAM, 262}, ERRNO(EPROTONOSUPPORT)},
	{"socket", {AF_INET6, SOCK_DGRAM, 17}, ALLOWED},
	{"socket", {AF_NETLINK, SOCK_RAW, 0}, ERRNO(EAFNOSUPPORT)},
	{"socket", {AF_NETLINK, SOCK_RAW, 12}, REPORTED},
	{"socket", {AF_PACKET, SOCK_RAW, 0}, REPORTED},
	{"socket", {AF_ALG, SOCK_SEQPACKET, 0}, REPORTED},
	{"socket", {AF_VSOCK, SOCK_STREAM, 0}, REPORTED},
	{"socketpair", {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}, ALLOWED},
	{"setsockopt", {3, SOL_SOCKET, SO_ATTACH_FILTER}, REPORTED},
	{"setsockopt", {3, SOL_SOCKET, 50 /* SO_ATTACH_BPF */}, REPORTED},
	{"prlimit64", {0, RLIMIT_CORE, 0, 1}, ALLOWED},
	{"prlimit64", {0, RLIMIT_CORE, 1, 1}, ERRNO(EPERM)},
	{"prlimit64", {0, RLIMIT_CORE | HIGH, 1, 1}, ERRNO(EPERM)},
	{"prlimit64", {0, RLIMIT_CORE, HIGH, 0}, ERRNO(EPERM)},
	{"prlimit64", {0, RLIMIT_NOFILE | HIGH, 1, 1}, ALLOWED},
	{"setrlimit", {RLIMIT_CORE | HIGH, 1}, ERRNO(EPERM)},
	{"setrlimit", {RLIMIT_NOFILE | HIGH, 1}, ALLOWED},
	{"setuid", {0}, REPORTED},
	{"setuid", {HIGH}, REPORTED},
	{"setuid", {1000}, ALLOWED},
	{"setresuid", {0, 0, 0}, REPORTED},
	{"setresuid", {0xffffffff, 0, 0xffffffff}, REPORTED},
	{"setgroups", {0}, REPORTED},
	{"capset", {0}, REPORTED},
	{"chown", {0, 0, 0}, REPORTED},
	{"fchown", {3, 1000, 1000}, ALLOWED},
	{"mknod", {0, 0020644, 1}, REPORTED},
	{"mknod", {0, 0060644 | 0x10000, 1}, REPORTED},
	{"mknodat", {3, 0, 0010644, 0}, ALLOWED},
	{"personality", {0x40000}, REPORTED},
	{"personality", {0xffffffff}, ALLOWED},
	{"execveat", {3, 0, 0, 0, 0x1000}, REPORTED},
	{"execveat", {3, 0, 0, 0, 0}, ALLOWED},
	{"pipe2", {0, 0x80}, REPORTED},
	{"pipe2", {0, O_CLOEXEC}, ALLOWED},
	{"sethostname", {0}, REPORTED},
	{"settimeofday", {0}, REPORTED},
	{"clock_settime", {0}, REPORTED},
	{"syslog", {0}, REPORTED},
	{"modify_ldt", {0}, REPORTED},
	{"fanotify_init", {0}, REPORTED},
	{"landlock_create_ruleset", {0, 0, 0}, REPORTED},
	{"landlock_create_ruleset", {0, 0, 1}, ERRNO(ENOSYS)},
	{"landlock_restrict_self", {0}, REPORTED},
	{"setpriority", {0, 0, (uint64_t)-5}, REPORTED},
	{"setpriority", {0, 0, 5}, ALLOWED},
	{"statmount", {0}, REPORTED},
	{"mseal", {0}, ALLOWED},
};

TEST(fixed_verdicts)
{
	struct ms_bpf bpf = {0};

	REQUIRE(ms_seccomp_compile(ms_seccomp_module_profile(), MS_BPF_NOTIFY, &bpf, NULL) == 0);
	for (size_t i = 0; i < MS_ARRAY_LEN(fixed); i++) {
		struct seccomp_data data = {.nr = ms_seccomp_name_nr(fixed[i].call),
					    .arch = AUDIT_ARCH_X86_64};
		uint32_t got;

		CHECK(data.nr >= 0);
		for (size_t a = 0; a < 5; a++)
			data.args[a] = fixed[i].args[a];
		got = run_bpf(&bpf, &data);
		if (got != fixed[i].want)
			printf("row %zu: %s\n", i, fixed[i].call);
		CHECK_EQ(got, fixed[i].want);
	}
	ms_bpf_done(&bpf);
}

TEST(names_and_numbers)
{
	char name[MS_CALL_NAME_BYTES];

	CHECK_EQ(ms_seccomp_name_nr("ptrace"), 101);
	CHECK_EQ(ms_seccomp_name_nr("mseal"), 462);
	CHECK_EQ(ms_seccomp_name_nr("no_such_call"), -1);
	CHECK_EQ(ms_seccomp_newest_nr(), 469);
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_X86_64, 101, name), "ptrace");
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_X86_64, 457, name), "statmount");
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_X86_64, X32 | 1, name), "write");
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_X86_64, X32 | 520, name), "execve");
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_I386, 5, name), "open");
	CHECK_STR(ms_seccomp_name(AUDIT_ARCH_I386, 462, name), "mseal");
	CHECK(!ms_seccomp_name(AUDIT_ARCH_X86_64, 9999, name));
	CHECK(!ms_seccomp_name(AUDIT_ARCH_X86_64, UINT32_MAX, name));
	CHECK(!ms_seccomp_name(AUDIT_ARCH_X86_64, 0x80000000u, name));
	CHECK(!ms_seccomp_name(AUDIT_ARCH_AARCH64, 1, name));
	/* The names of this kernel's headers agree with ours. */
	for (uint32_t nr = 0; nr <= ms_seccomp_newest_nr(); nr++) {
		if (ms_seccomp_name(AUDIT_ARCH_X86_64, nr, name))
			CHECK_EQ(ms_seccomp_name_nr(name), nr);
	}
}

TEST(kill_numbers)
{
	uint32_t numbers[MS_MAX_KILL_CALLS], n = 0;
	bool ptrace_found = false;

	REQUIRE(ms_seccomp_kill_numbers(ms_seccomp_module_profile(), numbers, MS_MAX_KILL_CALLS,
					&n) == 0);
	CHECK_EQ(n, 20);
	for (uint32_t i = 0; i < n; i++)
		ptrace_found |= numbers[i] == 101;
	CHECK(ptrace_found);
	CHECK_EQ(ms_seccomp_kill_numbers(ms_seccomp_module_profile(), numbers, n, &n), 0);
	CHECK_EQ(ms_seccomp_kill_numbers(ms_seccomp_module_profile(), numbers, n - 1, &n), -E2BIG);
}

TEST(every_refusal_has_a_reason)
{
	const struct ms_call_profile *p = ms_seccomp_module_profile();

	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].verdict == MS_VERDICT_ALLOW)
			continue;
		CHECK(p->rules[i].why != NULL);
		CHECK((p->rules[i].verdict == MS_VERDICT_QUIET) == (p->rules[i].error > 0));
	}
}

/* The real thing. */

static void send_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.space,
			     .msg_controllen = sizeof(u.space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &msg, 0) != 1)
		_exit(125);
}

static int receive_fd(int sock)
{
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.space,
			     .msg_controllen = sizeof(u.space)};
	int fd = -EBADF;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void child(int sock, const struct ms_bpf *bpf, char *const argv[])
{
	struct sock_fprog program = {.len = (unsigned short)(bpf->len / 8),
				     .filter = (void *)bpf->bytes};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    chdir("/") < 0 || setpgid(0, 0) < 0)
		_exit(123);
	/* As root, sqlite and others give files away, which a module is never in a position to. */
	if (getuid() == 0 &&
	    (ms_sys_setgroups(0, NULL) < 0 || ms_sys_setresgid(1000, 1000, 1000) < 0 ||
	     ms_sys_setresuid(1000, 1000, 1000) < 0 || setenv("HOME", "/tmp", 1) < 0))
		_exit(122);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(123);
	fd = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		_exit(124);
	send_fd(sock, fd);
	execv(argv[0], argv);
	_exit(126);
}

/* Answer until the filter's last user is gone. The number of notifications, -1 after the deadline.
 */
static int answer(int listener, const char *what, char *ret_last)
{
	time_t deadline = time(NULL) + 120;
	int n = 0;

	while (time(NULL) < deadline) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		struct seccomp_notif req = {0};
		struct seccomp_notif_resp resp = {.error = -EPERM};
		char name[MS_CALL_NAME_BYTES];

		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (p.revents & POLLHUP)
			return n;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			continue;
		n++;
		if (!ms_seccomp_name(req.data.arch, (uint32_t)req.data.nr, name))
			(void)snprintf(name, sizeof(name), "%d", req.data.nr);
		if (ret_last)
			(void)snprintf(ret_last, MS_CALL_NAME_BYTES, "%s", name);
		else
			printf("%s: %s(%llx, %llx, %llx, %llx)\n", what, name, req.data.args[0],
			       req.data.args[1], req.data.args[2], req.data.args[3]);
		resp.id = req.id;
		MS_IGNORE(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp)); /* it may be gone */
	}
	return -1;
}

/* Run @argv under the module's filter; notifications, or -1. */
static int run_real(char *const argv[], int *ret_status, char *ret_last)
{
	struct ms_bpf bpf = {0};
	ms_auto_fd int listener = -EBADF;
	int sock[2], n;
	pid_t pid;

	if (ms_seccomp_compile(ms_seccomp_module_profile(), MS_BPF_NOTIFY, &bpf, NULL) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
		return -1;
	(void)fflush(stdout); /* or the child would write it again */
	pid = fork();
	if (pid == 0)
		child(sock[1], &bpf, argv);
	ms_bpf_done(&bpf);
	(void)close(sock[1]);
	listener = pid < 0 ? -1 : receive_fd(sock[0]);
	(void)close(sock[0]);
	n = listener < 0 ? -1 : answer(listener, argv[0], ret_last);
	if (n < 0 && pid > 0)
		(void)kill(-pid, SIGKILL);
	if (pid > 0)
		(void)waitpid(pid, ret_status, 0);
	return n;
}

static const char python_program[] =
	"import threading, subprocess, socket, json, ssl, sqlite3, multiprocessing, tempfile, os,"
	" asyncio, resource, signal, mmap, shutil, hashlib, ctypes, select\n"
	"def work(): socket.socket().close(); sum(range(1000))\n"
	"t = [threading.Thread(target=work) for _ in range(4)]\n"
	"[x.start() for x in t]; [x.join() for x in t]\n"
	"assert subprocess.run(['/bin/sh', '-c', 'exit 3']).returncode == 3\n"
	"a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n"
	"try: socket.getaddrinfo('localhost', 80)\n"
	"except OSError: pass\n"
	"s = socket.create_server(('127.0.0.1', 0)); c = "
	"socket.create_connection(s.getsockname())\n"
	"c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); c.close(); s.close()\n"
	"resource.getrlimit(resource.RLIMIT_CORE); resource.getrlimit(resource.RLIMIT_NOFILE)\n"
	"d = tempfile.mkdtemp(); db = sqlite3.connect(d + '/x.db')\n"
	"db.execute('pragma journal_mode=wal'); db.execute('create table t(a)'); db.commit()\n"
	"db.close(); shutil.copytree(d, d + '2'); shutil.rmtree(d); shutil.rmtree(d + '2')\n"
	"def f(q): q.put(1)\n"
	"q = multiprocessing.Queue(); p = multiprocessing.Process(target=f, args=(q,)); p.start()\n"
	"assert q.get() == 1; p.join()\n"
	"async def m(): await asyncio.create_subprocess_exec('/bin/true')\n"
	"asyncio.run(m())\n";

static const char node_program[] =
	"const {Worker} = require('worker_threads'), cp = require('child_process'), fs ="
	" require('fs'), http = require('http'), os = require('os'), zlib = require('zlib');\n"
	"os.cpus(); os.networkInterfaces; os.userInfo(); zlib.gzipSync('x'.repeat(1000));\n"
	"require('crypto').randomBytes(16); require('dns').lookup('localhost', () => {});\n"
	"cp.execFileSync('/bin/true'); const d = fs.mkdtempSync('/tmp/modsup-test-');\n"
	"fs.writeFileSync(d + '/a', 'x'); fs.copyFileSync(d + '/a', d + '/b');\n"
	"const w = fs.watch(d, () => {}); w.close(); fs.rmSync(d, {recursive: true});\n"
	"const s = http.createServer((q, r) => r.end('ok')).listen(0, '127.0.0.1', () =>\n"
	"  http.get({port: s.address().port, host: '127.0.0.1'}, r => { r.resume();"
	" r.on('end', () => s.close()); }));\n"
	"for (let i = 0; i < 4; i++) new Worker('require(\"crypto\").pbkdf2Sync(\"a\",\"b\",10,32,"
	"\"sha256\")', {eval: true});\n"
	"import('fs/promises').then(p => p.readdir('/'));\n";

static const char shell_program[] =
	"set -e; d=$(mktemp -d); cd \"$d\"; mkfifo f; echo hello >a; cp -a a b; ln -s a c; chmod "
	"600 b;"
	" sort a | tee e >/dev/null; tar cf - a b | tar tf - >/dev/null; ls -la >/dev/null;"
	" (trap '' TERM; true) & wait; touch -d yesterday a; find . -name a >/dev/null; cd /;"
	" ulimit -a >/dev/null; nice -n 5 true; timeout 5 true; rm -r \"$d\"";

static const char git_program[] =
	"set -e; d=$(mktemp -d); cd \"$d\"; git init -q; echo x >a; git add a;"
	" git -c user.name=a -c user.email=a@b commit -qm x; git clone -q . y; git gc -q; cd /;"
	" rm -rf \"$d\"";

static const char perl_program[] =
	"use Socket; use POSIX; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;"
	"my $p = fork // die; if (!$p) { exit 3 } waitpid $p, 0; die unless $? >> 8 == 3;"
	"`true`; $0 = 'renamed'; local $SIG{ALRM} = sub {}; alarm 1; alarm 0; getpwuid($<); time;";

static const struct program {
	const char *name;
	const char *argv[5];
} programs[] = {
	{"shell", {"/bin/sh", "-c", shell_program}},
	{"bash", {"/bin/bash", "-c", shell_program}},
	{"python", {"/usr/bin/python3", "-c", python_program}},
	{"node", {"/usr/bin/node", "-e", node_program}},
	{"perl", {"/usr/bin/perl", "-e", perl_program}},
	{"sqlite", {"/usr/bin/sqlite3", ":memory:", "create table t(a); select 1;"}},
	{"git", {"/bin/sh", "-c", git_program}},
	{"java", {"/usr/bin/java", "-Xmx64m", "-version"}},
};

TEST(real_programs_notify_nothing)
{
	struct ms_seccomp_facts facts;
	unsigned ran = 0;

	REQUIRE(ms_seccomp_probe(&facts) == 0);
	if (!facts.listener)
		TEST_SKIP("no seccomp listener here");
	for (size_t i = 0; i < MS_ARRAY_LEN(programs); i++) {
		int status = 0, n;

		if (access(programs[i].argv[0], X_OK) < 0) {
			printf("%s: not here\n", programs[i].name);
			continue;
		}
		if (strcmp(programs[i].name, "git") == 0 && access("/usr/bin/git", X_OK) < 0)
			continue;
		n = run_real((char *const *)programs[i].argv, &status, NULL);
		printf("%s: %d notifications, status %x\n", programs[i].name, n, status);
		CHECK_EQ(n, 0);
		CHECK_EQ(status, 0);
		ran++;
	}
	CHECK(ran > 0);
}

TEST(real_refusal_notifies)
{
	static const char *const argv[] = {"/bin/sh", "-c", "! chroot / true 2>/dev/null", NULL};
	struct ms_seccomp_facts facts;
	char last[MS_CALL_NAME_BYTES] = "";
	int status = 0;

	REQUIRE(ms_seccomp_probe(&facts) == 0);
	if (!facts.listener || access("/usr/sbin/chroot", X_OK) < 0)
		TEST_SKIP("no seccomp listener or no chroot program here");
	CHECK_EQ(run_real((char *const *)argv, &status, last), 1);
	CHECK_STR(last, "chroot");
	CHECK_EQ(status, 0);
}
