/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-seccomp.c - the compiled filters against their rows (every row, every near miss, in an
 * interpreter of the filter language), and against a table of what must never change.
 * test-seccomp-real.c runs programs under them.
 */
#include "policy/layer/seccomp.h"
#include "supervisor/daemon/layer/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

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
	/* pools of the whole host */
	{"io_setup", {1}, ERRNO(ENOSYS)},
	{"io_submit", {1}, REPORTED},
	{"mmap", {0, 4096, 3, 0x22}, ALLOWED},
	{"mmap", {0, 4096, 3, 0x40022 /* MAP_HUGETLB */}, ERRNO(ENOMEM)},
	{"memfd_create", {1, 1}, ALLOWED},
	{"memfd_create", {1, 4 /* MFD_HUGETLB */}, ERRNO(ENOSYS)},
	{"shmget", {0, 4096, 0600}, ALLOWED},
	{"shmget", {0, 4096, 04600 /* SHM_HUGETLB */}, ERRNO(ENOMEM)},
	{"mq_open", {1}, REPORTED},
	/* what is shared with the host, or with its neighbours */
	{"fcntl", {0, 1 /* F_GETFD */}, ALLOWED},
	{"fcntl", {0, 1026 /* F_NOTIFY */}, REPORTED},
	{"fcntl", {0, 1026 | UINT64_C(1) << 32}, REPORTED},
	{"fcntl", {0, 1024 /* F_SETLEASE */}, REPORTED},
	{"madvise", {0, 4096, 4 /* MADV_DONTNEED */}, ALLOWED},
	{"madvise", {0, 4096, 12 /* MADV_MERGEABLE */}, ERRNO(EINVAL)},
	{"sendto", {0, 0, 0, 0}, ALLOWED},
	{"sendto", {0, 0, 0, 1 /* MSG_OOB */}, REPORTED},
	{"sendmsg", {0, 0, 1 /* MSG_OOB */}, REPORTED},
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
	{"setsockopt", {3, SOL_SOCKET, SO_LINGER}, ERRNO(0)}, /* nothing is done */
	{"setsockopt", {3 | HIGH, SOL_SOCKET | HIGH, SO_LINGER | HIGH}, ERRNO(0)},
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
	bool kexec_found = false;

	REQUIRE(ms_seccomp_kill_numbers(ms_seccomp_module_profile(), numbers, MS_MAX_KILL_CALLS,
					&n) == 0);
	CHECK_EQ(n, 8);
	for (uint32_t i = 0; i < n; i++)
		kexec_found |= numbers[i] == 246;
	CHECK(kexec_found);
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
		CHECK(p->rules[i].verdict == MS_VERDICT_QUIET || p->rules[i].error == 0);
		CHECK(p->rules[i].error >= 0);
	}
}
