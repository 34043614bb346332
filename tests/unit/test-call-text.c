/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-call-text.c - every call that the profile can refuse has its own row and agrees with the
 * profile; every kind of argument reads as it should; hostile bytes come out as valid JSON.
 */
#include "supervisor/daemon/call-text.h"

#include <linux/audit.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "policy/layer/seccomp.h"
#include "supervisor/daemon/call-rows.h"
#include "supervisor/daemon/layer/seccomp.h"
#include "tests/unit/test.h"

#define X32  0x40000000u
#define HIGH UINT64_C(0xabcdef0100000000)

enum standing { GRANTED, CONDITIONAL, ABSENT, KILLED };

static enum standing standing_of(const char *name)
{
	const struct ms_call_profile *p = ms_seccomp_module_profile();
	enum standing s = ABSENT;

	for (size_t i = 0; i < p->n_rules; i++) {
		if (strcmp(p->rules[i].name, name) != 0)
			continue;
		if (p->rules[i].verdict == MS_VERDICT_KILL)
			return KILLED;
		if (p->rules[i].verdict == MS_VERDICT_REPORT)
			return ABSENT; /* as without a row */
		if (p->rules[i].tests[0].op == MS_ARG_ANY)
			return GRANTED; /* or quiet: never reported */
		s = CONDITIONAL;
	}
	return s;
}

static void check_info(const char *name, const struct ms_call_row *row, enum standing standing)
{
	const struct ms_call_info *info = &row->info;
	static const char *const classes[] = {"fs", "network", "cpu", "memory", "policy"};
	bool class_known = false;

	for (size_t i = 0; i < MS_ARRAY_LEN(classes); i++)
		class_known |= strcmp(classes[i], info->class) == 0;
	CHECK(class_known);
	CHECK((info->severity == MS_SEVERITY_CRITICAL) == (standing == KILLED));
	CHECK(strncmp(info->rule, "seccomp: ", 9) == 0);
	CHECK(strstr(info->rule, name) != NULL);
	CHECK((strstr(info->rule, ": no row for") || strstr(info->rule, "is never allowed")) ==
	      (standing != CONDITIONAL));
	CHECK(strlen(info->remedy) > 20 && info->remedy[strlen(info->remedy) - 1] == '.');
	CHECK(!info->needs || strncmp(info->needs, "CAP_", 4) == 0);
	CHECK(strlen(row->args) <= 6);
	for (const char *a = row->args; *a; a++)
		CHECK(strchr("pdilox", *a) || ms_value_table_find(*a));
}

TEST(every_refusable_call_has_its_row)
{
	unsigned n = 0;

	for (uint32_t nr = 0; nr <= ms_seccomp_newest_nr(); nr++) {
		char name[MS_CALL_NAME_BYTES];
		const struct ms_call_row *row;
		enum standing standing;

		if (!ms_seccomp_name(AUDIT_ARCH_X86_64, nr, name))
			continue;
		standing = standing_of(name);
		row = ms_call_row_find(name);
		if ((row != NULL) != (standing != GRANTED))
			printf("%s: %s\n", name, row ? "has a row, is granted" : "has no row");
		CHECK((row != NULL) == (standing != GRANTED));
		if (!row)
			continue;
		n++;
		CHECK(ms_call_info(AUDIT_ARCH_X86_64, nr) == &row->info);
		check_info(name, row, standing);
	}
	CHECK(n > 120);
}

TEST(foreign_and_unknown)
{
	CHECK_STR(ms_call_info(AUDIT_ARCH_I386, 5)->rule,
		  "seccomp: no system calls of the i386 ABI (int 0x80)");
	CHECK_STR(ms_call_info(AUDIT_ARCH_X86_64, X32 | 1)->rule,
		  "seccomp: no system calls of the x32 ABI");
	CHECK_EQ(ms_call_info(AUDIT_ARCH_I386, 5)->severity, MS_SEVERITY_WARNING);
	CHECK_STR(ms_call_info(AUDIT_ARCH_AARCH64, 5)->rule,
		  "seccomp: no system calls of another architecture");
	CHECK_STR(ms_call_info(AUDIT_ARCH_X86_64, 9999)->rule, "seccomp: no row for this call");
	CHECK_EQ(ms_call_info(AUDIT_ARCH_X86_64, 9999)->severity, MS_SEVERITY_NOTICE);
	CHECK_STR(ms_call_text_arch(AUDIT_ARCH_X86_64, 0), "x86_64");
	CHECK_STR(ms_call_text_arch(AUDIT_ARCH_X86_64, X32), "x32");
	CHECK_STR(ms_call_text_arch(AUDIT_ARCH_I386, X32), "i386");
	CHECK_STR(ms_call_text_arch(AUDIT_ARCH_AARCH64, 0), "foreign");
}

static char *render(const struct ms_shim_violation *v)
{
	struct ms_jw *jw = ms_jw_new();
	char *text;

	if (!jw)
		return NULL;
	ms_jw_object(jw, NULL);
	ms_call_text_observed(jw, v);
	ms_jw_end(jw);
	text = ms_jw_take(jw, MS_JW_LINE, NULL);
	(void)ms_jw_free(jw);
	return text;
}

/* The part of the rendering from "args" on, up to "error"; and what it needs. */
static const struct {
	const char *call;
	uint64_t args[6];
	const char *want, *needs;
} rendered[] = {
	{"ptrace", {16, 1}, "[\"PTRACE_ATTACH\",\"1\",\"NULL\",\"NULL\"]", "CAP_SYS_PTRACE"},
	{"ptrace", {0x9999}, "[\"0x9999\",\"0\",\"NULL\",\"NULL\"]", "CAP_SYS_PTRACE"},
	{"mount",
	 {0, 0x1000, 0, MS_BIND | MS_REC | HIGH, 0},
	 "[\"NULL\",\"0x1000\",\"NULL\",\"MS_BIND|MS_REC\",\"NULL\"]",
	 "CAP_SYS_ADMIN"},
	{"mount",
	 {0, 0, 0, MS_RDONLY | 0x80000000u, 0},
	 "[\"NULL\",\"NULL\",\"NULL\",\"MS_RDONLY|0x80000000\",\"NULL\"]",
	 "CAP_SYS_ADMIN"},
	{"umount2", {0, 2}, "[\"NULL\",\"MNT_DETACH\"]", "CAP_SYS_ADMIN"},
	{"umount2", {0, 0}, "[\"NULL\",\"0\"]", "CAP_SYS_ADMIN"},
	{"unshare", {CLONE_NEWUSER | CLONE_NEWNS}, "[\"CLONE_NEWNS|CLONE_NEWUSER\"]", NULL},
	{"unshare", {CLONE_NEWNET}, "[\"CLONE_NEWNET\"]", "CAP_SYS_ADMIN"},
	{"unshare", {0x80}, "[\"CLONE_NEWTIME\"]", "CAP_SYS_ADMIN"},
	{"unshare", {0}, "[\"0\"]", NULL},
	{"setns", {7, CLONE_NEWNET}, "[\"7\",\"CLONE_NEWNET\"]", "CAP_SYS_ADMIN"},
	{"clone",
	 {CLONE_NEWUSER | SIGCHLD},
	 "[\"SIGCHLD|CLONE_NEWUSER\",\"NULL\",\"NULL\",\"NULL\",\"0\"]",
	 NULL},
	{"clone",
	 {CLONE_NEWPID | 9},
	 "[\"0x9|CLONE_NEWPID\",\"NULL\",\"NULL\",\"NULL\",\"0\"]",
	 "CAP_SYS_ADMIN"},
	{"socket",
	 {AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 768},
	 "[\"AF_PACKET\",\"SOCK_RAW|SOCK_CLOEXEC\",\"768\"]",
	 "CAP_NET_RAW"},
	{"socket",
	 {AF_INET | HIGH, SOCK_RAW, 1},
	 "[\"AF_INET\",\"SOCK_RAW\",\"IPPROTO_ICMP\"]",
	 "CAP_NET_RAW"},
	{"socket",
	 {AF_INET6, SOCK_RAW, 58},
	 "[\"AF_INET6\",\"SOCK_RAW\",\"IPPROTO_ICMPV6\"]",
	 "CAP_NET_RAW"},
	{"socket",
	 {AF_NETLINK, SOCK_RAW, 12},
	 "[\"AF_NETLINK\",\"SOCK_RAW\",\"NETLINK_NETFILTER\"]",
	 NULL},
	{"socket", {99, 0xf, 0}, "[\"0x63\",\"0xf\",\"0\"]", NULL},
	{"prctl", {22, 2, 0x5000}, "[\"PR_SET_SECCOMP\",\"0x2\",\"0x5000\",\"0\",\"0\"]", NULL},
	{"prctl", {24, 21}, "[\"PR_CAPBSET_DROP\",\"0x15\",\"0\",\"0\",\"0\"]", "CAP_SETPCAP"},
	{"prctl", {28, 1}, "[\"PR_SET_SECUREBITS\",\"0x1\",\"0\",\"0\",\"0\"]", "CAP_SETPCAP"},
	{"prctl", {35, 1}, "[\"PR_SET_MM\",\"0x1\",\"0\",\"0\",\"0\"]", "CAP_SYS_RESOURCE"},
	{"prctl", {57, 1}, "[\"PR_SET_IO_FLUSHER\",\"0x1\",\"0\",\"0\",\"0\"]", "CAP_SYS_RESOURCE"},
	{"bpf", {5, 0x1000, 120}, "[\"BPF_PROG_LOAD\",\"0x1000\",\"120\"]", "CAP_BPF"},
	{"keyctl", {11, 5}, "[\"KEYCTL_READ\",\"0x5\",\"0\",\"0\",\"0\"]", NULL},
	{"ioctl", {0, 0x5412 | HIGH, 0x1000}, "[\"0\",\"TIOCSTI\",\"0x1000\"]", "CAP_SYS_ADMIN"},
	{"ioctl", {0, 0x541d, 0}, "[\"0\",\"TIOCCONS\",\"0\"]", "CAP_SYS_ADMIN"},
	{"ioctl", {3, 0x8914, 0}, "[\"3\",\"SIOCSIFFLAGS\",\"0\"]", "CAP_NET_ADMIN"},
	{"ioctl", {3, 0x8916, 0}, "[\"3\",\"SIOCSIFADDR\",\"0\"]", "CAP_NET_ADMIN"},
	{"ioctl", {3, 0x8922, 0}, "[\"3\",\"SIOCSIFMTU\",\"0\"]", "CAP_NET_ADMIN"},
	{"ioctl", {3, 0x890b, 0}, "[\"3\",\"SIOCADDRT\",\"0\"]", "CAP_NET_ADMIN"},
	{"setsockopt",
	 {3, SOL_SOCKET, SO_MARK, 0, 4},
	 "[\"3\",\"SOL_SOCKET\",\"SO_MARK\",\"NULL\",\"4\"]",
	 "CAP_NET_ADMIN"},
	{"setsockopt",
	 {3, SOL_SOCKET, 33, 0, 4},
	 "[\"3\",\"SOL_SOCKET\",\"SO_RCVBUFFORCE\",\"NULL\",\"4\"]",
	 "CAP_NET_ADMIN"},
	{"setsockopt",
	 {3, SOL_SOCKET, 32, 0, 4},
	 "[\"3\",\"SOL_SOCKET\",\"SO_SNDBUFFORCE\",\"NULL\",\"4\"]",
	 "CAP_NET_ADMIN"},
	{"setsockopt",
	 {3, 0, 19, 0, 4},
	 "[\"3\",\"IPPROTO_IP\",\"19\",\"NULL\",\"4\"]",
	 "CAP_NET_ADMIN"},
	{"setsockopt",
	 {3, SOL_SOCKET, 26, 0, 16},
	 "[\"3\",\"SOL_SOCKET\",\"SO_ATTACH_FILTER\",\"NULL\",\"16\"]",
	 NULL},
	{"setuid", {0}, "[\"0\"]", "CAP_SETUID"},
	{"setreuid", {UINT64_MAX, 0}, "[\"-1\",\"0\"]", "CAP_SETUID"},
	{"setresuid", {0xffffffff, 0, 4000000000u}, "[\"-1\",\"0\",\"4000000000\"]", "CAP_SETUID"},
	{"setfsuid", {0}, "[\"0\"]", "CAP_SETUID"},
	{"setgid", {0}, "[\"0\"]", "CAP_SETGID"},
	{"setregid", {0, 0}, "[\"0\",\"0\"]", "CAP_SETGID"},
	{"setresgid", {0, 0, 0}, "[\"0\",\"0\",\"0\"]", "CAP_SETGID"},
	{"setfsgid", {0}, "[\"0\"]", "CAP_SETGID"},
	{"setgroups", {2, 0x1000}, "[\"2\",\"0x1000\"]", "CAP_SETGID"},
	{"capset", {0x10, 0x20}, "[\"0x10\",\"0x20\"]", "CAP_SETPCAP"},
	{"chown", {0x10, 0, 0}, "[\"0x10\",\"0\",\"0\"]", "CAP_CHOWN"},
	{"fchown", {4, 0, 0}, "[\"4\",\"0\",\"0\"]", "CAP_CHOWN"},
	{"lchown", {0x10, 0, 0}, "[\"0x10\",\"0\",\"0\"]", "CAP_CHOWN"},
	{"fchownat",
	 {0xffffff9c, 0x10, 0, 0, 0},
	 "[\"-100\",\"0x10\",\"0\",\"0\",\"0\"]",
	 "CAP_CHOWN"},
	{"mknod", {0x10, 0020644, 0x103}, "[\"0x10\",\"020644\",\"0x103\"]", "CAP_MKNOD"},
	{"mknod", {0x10, 0060644, 0x103}, "[\"0x10\",\"060644\",\"0x103\"]", "CAP_MKNOD"},
	{"mknodat", {3, 0x10, 0020644, 1}, "[\"3\",\"0x10\",\"020644\",\"0x1\"]", "CAP_MKNOD"},
	{"mknodat", {3, 0x10, 0060644, 1}, "[\"3\",\"0x10\",\"060644\",\"0x1\"]", "CAP_MKNOD"},
	{"setpriority", {0, 0, (uint64_t)-5}, "[\"0\",\"0\",\"-5\"]", "CAP_SYS_NICE"},
	{"sched_setscheduler", {0, 1, 0}, "[\"0\",\"SCHED_FIFO\",\"NULL\"]", "CAP_SYS_NICE"},
	{"sched_setscheduler",
	 {0, 2 | 0x40000000, 0},
	 "[\"0\",\"SCHED_RR|SCHED_RESET_ON_FORK\",\"NULL\"]",
	 "CAP_SYS_NICE"},
	{"ioprio_set", {1, 0, 1u << 13}, "[\"1\",\"0\",\"0x2000\"]", "CAP_SYS_NICE"},
	{"open_tree", {3, 0, 1}, "[\"3\",\"NULL\",\"0x1\"]", "CAP_SYS_ADMIN"},
	{"open_tree", {3, 0, 0}, "[\"3\",\"NULL\",\"0\"]", NULL},
	{"open_tree_attr",
	 {3, 0, 1, 0, 0},
	 "[\"3\",\"NULL\",\"0x1\",\"NULL\",\"0\"]",
	 "CAP_SYS_ADMIN"},
	{"seccomp", {1, 8, 0x99}, "[\"SECCOMP_SET_MODE_FILTER\",\"0x8\",\"0x99\"]", NULL},
	{"prlimit64", {0, 99, 0, 0}, "[\"0\",\"0x63\",\"NULL\",\"NULL\"]", NULL},
	{"vhangup", {0}, "[]", "CAP_SYS_TTY_CONFIG"},
};

TEST(arguments)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(rendered); i++) {
		struct ms_shim_violation v = {
			.arch = AUDIT_ARCH_X86_64, .error = EPERM, .count = 1};
		char want[600];
		ms_auto_free char *got = NULL;

		v.nr = (uint32_t)ms_seccomp_name_nr(rendered[i].call);
		memcpy(v.args, rendered[i].args, sizeof(v.args));
		got = render(&v);
		(void)snprintf(want, sizeof(want),
			       "{\"call\":\"%s\",\"number\":%u,\"arch\":\"x86_64\",\"args\":%s,"
			       "\"error\":\"EPERM\"%s%s%s}",
			       rendered[i].call, v.nr, rendered[i].want,
			       rendered[i].needs ? ",\"needs\":\"" : "",
			       rendered[i].needs ? rendered[i].needs : "",
			       rendered[i].needs ? "\"" : "");
		CHECK_STR(got, want);
	}
}

TEST(texts)
{
	struct ms_shim_violation v = {.arch = AUDIT_ARCH_X86_64, .error = EPERM, .n_texts = 2};
	ms_auto_free char *got = NULL;

	v.nr = (uint32_t)ms_seccomp_name_nr("mount");
	v.args[0] = 0x1000;
	v.args[1] = 0x2000;
	v.texts[0] = (struct ms_shim_text){
		.arg = 0, .kind = MS_TEXT_PATH, .len = 5, .bytes = "/\"\n\x1b\xff"};
	v.texts[1] = (struct ms_shim_text){
		.arg = 1, .kind = MS_TEXT_PATH, .len = 4, .truncated = true, .bytes = "/mnt"};
	got = render(&v);
	REQUIRE(got);
	CHECK(strstr(got,
		     "\"args\":[\"/\\\"\\n\\u001b\\\\xff\",\"/mnt...\",\"NULL\",\"0\",\"NULL\"],"
		     "\"argsAre\":\"as read while the caller waited\"") != NULL);
}

/* Nothing could be read there, or it is the empty path. */
TEST(texts_unread_and_empty)
{
	struct ms_shim_violation v = {.arch = AUDIT_ARCH_X86_64, .error = EPERM, .n_texts = 1};
	ms_auto_free char *unread = NULL, *empty = NULL;

	v.nr = (uint32_t)ms_seccomp_name_nr("chroot");
	v.args[0] = 0x1000;
	v.texts[0] = (struct ms_shim_text){.arg = 0, .kind = MS_TEXT_PATH, .truncated = true};
	unread = render(&v);
	v.texts[0].truncated = false;
	empty = render(&v);
	REQUIRE(unread && empty);
	CHECK(strstr(unread, "\"args\":[\"0x1000\"]") != NULL);
	CHECK(strstr(empty, "\"args\":[\"\"]") != NULL);
}

static void check_text(const char *call, uint8_t arg, enum ms_text_kind kind, const void *bytes,
		       size_t len, const char *want)
{
	struct ms_shim_violation v = {.arch = AUDIT_ARCH_X86_64, .error = EPERM, .n_texts = 1};
	ms_auto_free char *got = NULL;

	v.nr = (uint32_t)ms_seccomp_name_nr(call);
	v.texts[0] = (struct ms_shim_text){.arg = arg, .kind = kind, .len = (uint16_t)len};
	memcpy(v.texts[0].bytes, bytes, len);
	got = render(&v);
	REQUIRE(got);
	if (!strstr(got, want))
		printf("%s\n", got);
	CHECK(strstr(got, want) != NULL);
}

TEST(addresses_and_bytes)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	uint8_t many[200] = {1};

	in.sin_addr.s_addr = htonl(0x01020304);
	in6.sin6_addr = in6addr_loopback;
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, &in, sizeof(in), "\"inet:1.2.3.4:443\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, &in6, sizeof(in6), "\"inet6:[::1]:53\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\1\0/run/x\0y", 10, "\"unix:/run/x\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\1\0\0name", 7, "\"unix:@name\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\1\0\0", 3, "\"unix:@\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\1\0", 2, "\"AF_UNIX:hex:0100\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\2\0\1", 3, "\"AF_INET:hex:020001\"");
	check_text("setsockopt", 3, MS_TEXT_SOCKADDR, "\x10", 1, "\"AF_UNSPEC:hex:10\"");
	check_text("sethostname", 0, MS_TEXT_BYTES, "evil", 4, "\"evil\"");
	check_text("bpf", 1, MS_TEXT_BYTES, "\0\1\xff", 3, "\"hex:0001ff\"");
	check_text("bpf", 1, MS_TEXT_BYTES, many, sizeof(many), "0000...\"");
}

TEST(foreign_rendering)
{
	struct ms_shim_violation v = {
		.arch = AUDIT_ARCH_I386, .nr = 5, .args = {0x1000}, .error = EPERM};
	ms_auto_free char *i386 = render(&v), *x32 = NULL, *unknown = NULL;

	v.arch = AUDIT_ARCH_X86_64;
	v.nr = X32 | 101;
	x32 = render(&v);
	v.nr = 9999;
	v.error = ENOSYS;
	unknown = render(&v);
	REQUIRE(i386 && x32 && unknown);
	CHECK_STR(i386,
		  "{\"call\":\"open\",\"number\":5,\"arch\":\"i386\",\"args\":[\"0x1000\",\"0\","
		  "\"0\",\"0\",\"0\",\"0\"],\"error\":\"EPERM\"}");
	CHECK(strstr(x32, "\"number\":101,\"arch\":\"x32\"") != NULL);
	CHECK_STR(unknown, "{\"call\":\"#9999\",\"number\":9999,\"arch\":\"x86_64\",\"args\":["
			   "\"0x1000\",\"0\",\"0\",\"0\",\"0\",\"0\"],\"error\":\"ENOSYS\"}");
}
