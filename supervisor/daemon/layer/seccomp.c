/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp.c - rows to filter program by libseccomp, which knows the numbers of the foreign ABIs and
 * how to pack many tests. The only file that names it. Must never install what it compiles.
 *
 * libseccomp looks through what it exports for itself: a row with the default action is refused
 * (so REPORT and KILL are left to the default), a wider row swallows a narrower one of the same
 * call (so rows exclude one another, see policy/layer/seccomp.h), NE compares all 64 bits (so only
 * pointers are compared that way).
 */
#include "supervisor/daemon/layer/seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "lib/sys.h"
#include "modsup/limits.h"
#include "policy/layer/seccomp.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#	define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define X32_BIT 0x40000000u

/* Calls that are younger than the libseccomp of Debian 12; the numbers hold for x86-64 and i386. */
static const struct newer_call {
	const char *name;
	uint32_t nr;
} newer_calls[] = {
	{"cachestat", 451},	    {"fchmodat2", 452},	       {"map_shadow_stack", 453},
	{"futex_wake", 454},	    {"futex_wait", 455},       {"futex_requeue", 456},
	{"statmount", 457},	    {"listmount", 458},	       {"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},	    {"getxattrat", 464},       {"listxattrat", 465},
	{"removexattrat", 466},	    {"open_tree_attr", 467},   {"file_getattr", 468},
	{"file_setattr", 469},
};

/** ms_bpf_done() - free the program; NULL and empty are fine. */
void ms_bpf_done(struct ms_bpf *bpf)
{
	if (!bpf)
		return;
	free(bpf->bytes);
	*bpf = (struct ms_bpf){0};
}

/** ms_seccomp_name_nr() - the x86-64 number of @name, or -1. */
int ms_seccomp_name_nr(const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);

	if (nr >= 0)
		return nr;
	for (size_t i = 0; i < MS_ARRAY_LEN(newer_calls); i++) {
		if (strcmp(newer_calls[i].name, name) == 0)
			return (int)newer_calls[i].nr;
	}
	return -1;
}

/** ms_seccomp_newest_nr() - the newest call that this build can judge. */
uint32_t ms_seccomp_newest_nr(void)
{
	return newer_calls[MS_ARRAY_LEN(newer_calls) - 1].nr;
}

/* libseccomp's own names are on the heap. */
static const char *copy_name(char *take_name, char *buf)
{
	size_t len;

	if (!take_name)
		return NULL;
	len = strnlen(take_name, MS_CALL_NAME_BYTES - 1);
	memcpy(buf, take_name, len);
	buf[len] = '\0';
	free(take_name);
	return buf;
}

/** ms_seccomp_name() - what @arch calls @nr, in @buf; NULL when it is unknown. */
const char *ms_seccomp_name(uint32_t arch, uint32_t nr, char buf[static MS_CALL_NAME_BYTES])
{
	uint32_t table = SCMP_ARCH_X86_64;

	if (arch == AUDIT_ARCH_I386)
		table = SCMP_ARCH_X86;
	else if (arch != AUDIT_ARCH_X86_64)
		return NULL;
	else if (nr & X32_BIT)
		table = SCMP_ARCH_X32;
	/* libseccomp's numbers are int and the negative ones mean something else to it */
	if (nr > INT32_MAX)
		return NULL;
	if (copy_name(seccomp_syscall_resolve_num_arch(table, (int)nr), buf))
		return buf;
	for (size_t i = 0; i < MS_ARRAY_LEN(newer_calls); i++) {
		if (newer_calls[i].nr != (nr & ~X32_BIT))
			continue;
		memcpy(buf, newer_calls[i].name, strlen(newer_calls[i].name) + 1);
		return buf;
	}
	return NULL;
}

/** ms_seccomp_kill_numbers() - numbers of the KILL rows, at most @max, else -E2BIG. */
int ms_seccomp_kill_numbers(const struct ms_call_profile *profile, uint32_t *numbers, uint32_t max,
			    uint32_t *ret_n)
{
	uint32_t n = 0;

	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct ms_call_rule *rule = &profile->rules[i];
		int nr = ms_seccomp_name_nr(rule->name);

		if (rule->verdict != MS_VERDICT_KILL || nr < 0)
			continue;
		if (n == max)
			return -E2BIG;
		numbers[n++] = (uint32_t)nr;
	}
	*ret_n = n;
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct ms_call_rule *rule)
{
	struct scmp_arg_cmp cmp[MS_ARRAY_LEN(rule->tests)];
	int nr = ms_seccomp_name_nr(rule->name);
	unsigned n = 0;

	if (nr < 0)
		return 0; /* too new for this build: stays with the default, which is stricter */
	for (size_t i = 0; i < MS_ARRAY_LEN(rule->tests); i++) {
		const struct ms_arg_test *t = &rule->tests[i];

		switch (t->op) {
		case MS_ARG_ANY:
			break;
		case MS_ARG_EQ:
			cmp[n++] = SCMP_CMP(t->arg, SCMP_CMP_MASKED_EQ, t->mask, t->value);
			break;
		case MS_ARG_NOT_NULL:
			cmp[n++] = SCMP_CMP(t->arg, SCMP_CMP_NE, 0);
			break;
		}
	}
	return seccomp_rule_add_exact_array(ctx,
					    rule->verdict == MS_VERDICT_ALLOW
						    ? SCMP_ACT_ALLOW
						    : SCMP_ACT_ERRNO((uint32_t)rule->error),
					    nr, n, cmp);
}

static int add_rules(scmp_filter_ctx ctx, const struct ms_call_profile *profile,
		     struct ms_error *err)
{
	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct ms_call_rule *rule = &profile->rules[i];
		int r;

		/* Both are a notification, which is the default; which of them, the shim knows. */
		if (rule->verdict == MS_VERDICT_REPORT || rule->verdict == MS_VERDICT_KILL)
			continue;
		r = add_rule(ctx, rule);
		if (r < 0)
			return ms_error_set(err, -r, "seccomp: profile '%s', row %zu ('%s')",
					    profile->name, i, rule->name);
	}
	return 0;
}

/* What libseccomp exports, read back. */
static int export_program(scmp_filter_ctx ctx, const char *name, struct ms_bpf *ret,
			  struct ms_error *err)
{
	size_t max = MS_MAX_BPF_INSNS * sizeof(struct sock_filter);
	ms_auto_fd int fd = memfd_create("modsup-filter", MFD_CLOEXEC);
	ms_auto_free uint8_t *bytes = malloc(max);
	ssize_t len;
	int r;

	if (!bytes)
		return ms_error_set(err, ENOMEM, "seccomp: profile '%s'", name);
	if (fd < 0)
		return ms_error_set(err, errno, "seccomp: profile '%s': memfd", name);
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return ms_error_set(err, -r, "seccomp: export of profile '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ms_error_set(err, errno, "seccomp: profile '%s': memfd", name);
	len = ms_fs_read_all(fd, bytes, max);
	if (len < 0)
		return ms_error_set(err, (int)-len,
				    "seccomp: profile '%s' is over %u instructions or unreadable",
				    name, MS_MAX_BPF_INSNS);
	if (len == 0 || (size_t)len % sizeof(struct sock_filter))
		return ms_error_set(err, EPROTO, "seccomp: profile '%s' came out as %zd bytes",
				    name, len);
	*ret = (struct ms_bpf){.bytes = MS_TAKE_PTR(bytes), .len = (size_t)len};
	return 0;
}

/** ms_seccomp_compile() - @profile as a filter program, owned by the caller (ms_bpf_done). */
int ms_seccomp_compile(const struct ms_call_profile *profile, enum ms_bpf_default how,
		       struct ms_bpf *ret, struct ms_error *err)
{
	static const uint32_t missing[] = {
		[MS_BPF_NOTIFY] = SCMP_ACT_NOTIFY,
		[MS_BPF_KILL] = SCMP_ACT_KILL_PROCESS,
		[MS_BPF_ENOSYS] = SCMP_ACT_ERRNO(ENOSYS),
	};
	uint32_t foreign = how == MS_BPF_NOTIFY ? SCMP_ACT_NOTIFY : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx ctx;
	int r;

	ms_assert((unsigned)how < MS_BPF_DEFAULT_COUNT);
	/* Level 5 is notifications. Told, not tried: under modsupd's own filter libseccomp's trial
	 * calls would fail and it would think that the kernel has no seccomp. */
	if (seccomp_api_set(5) < 0)
		return ms_error_set(err, ENOTSUP,
				    "seccomp: libseccomp knows no notifications (needs 2.5)");
	ctx = seccomp_init(missing[how]);
	if (!ctx)
		return ms_error_set(err, ENOMEM, "seccomp: profile '%s'", profile->name);
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, foreign);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		r = ms_error_set(err, -r, "seccomp: profile '%s': attributes", profile->name);
	else
		r = add_rules(ctx, profile, err);
	if (r == 0)
		r = export_program(ctx, profile->name, ret, err);
	seccomp_release(ctx);
	return r;
}

/* In the child: each thing once; the listener that has the newest flag first, as only one fits. */
static void try_all(struct ms_seccomp_facts *ret)
{
	static struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	static const struct sock_fprog program = {.len = MS_ARRAY_LEN(allow), .filter = allow};
	unsigned long listen = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int r;

	r = ms_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r == 0)
		r = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
	ret->filter = r == 0;
	ret->filter_errno = -r;
	r = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER,
			   (unsigned)(listen | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), &program);
	ret->wait_killable = r >= 0;
	if (r < 0)
		r = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, (unsigned)listen, &program);
	ret->listener = r >= 0;
	ret->listener_errno = r < 0 ? -r : 0;
}

/** ms_seccomp_probe() - do each thing in a child; 0, or -errno without a child. */
int ms_seccomp_probe(struct ms_seccomp_facts *ret)
{
	ms_auto_fd int reader = -EBADF, writer = -EBADF;
	struct ms_seccomp_facts facts = {0};
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	reader = fds[0];
	writer = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		try_all(&facts);
		n = ms_sys_write(writer, &facts, sizeof(facts));
		_exit(n == (ssize_t)sizeof(facts) ? 0 : 1);
	}
	writer = ms_fd_close(writer);
	n = ms_fs_read_all(reader, &facts, sizeof(facts));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(facts))
		return n < 0 ? (int)n : -EPROTO;
	*ret = facts;
	return 0;
}
