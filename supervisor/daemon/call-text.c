/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call-text.c - one refused call into words. Every byte behind a pointer is the module's own choice
 * and may have changed since the call: it is shown, labelled, and nothing is concluded from it.
 * Called by violation.c for each report of a shim.
 */
#include "supervisor/daemon/call-text.h"

#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/buf.h"
#include "supervisor/daemon/call-rows.h"
#include "supervisor/daemon/layer/seccomp.h"

#define X32_BIT	      0x40000000u
#define MAX_ARG_BYTES 1600u /* one argument's text: a path whose every byte is escaped fits */
#define MAX_HEX_BYTES 64u   /* of bytes that are no text */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)

static bool is_native(uint32_t arch, uint32_t nr)
{
	return arch == AUDIT_ARCH_X86_64 && !(nr & X32_BIT);
}

/** ms_call_text_arch() - the word for the ABI of a call. */
const char *ms_call_text_arch(uint32_t arch, uint32_t nr)
{
	if (arch == AUDIT_ARCH_X86_64)
		return nr & X32_BIT ? "x32" : "x86_64";
	return arch == AUDIT_ARCH_I386 ? "i386" : "foreign";
}

#define FOREIGN(word)                                                                              \
	{                                                                                          \
		MS_SEVERITY_WARNING, "policy", "seccomp: no system calls of " word,                \
			"Only native x86-64 calls are allowed: other entries into the kernel "     \
			"pass by filters and "                                                     \
			"tracers. Build the program for x86-64.",                                  \
			NULL                                                                       \
	}

/** ms_call_info() - what a refused call means; never NULL. */
const struct ms_call_info *ms_call_info(uint32_t arch, uint32_t nr)
{
	static const struct ms_call_info foreign[] = {FOREIGN("the x32 ABI"),
						      FOREIGN("the i386 ABI (int 0x80)"),
						      FOREIGN("another architecture")};
	static const struct ms_call_info no_row = {
		MS_SEVERITY_NOTICE, "policy", "seccomp: no row for this call",
		"This call is not among what modules may use. New calls are probed by libraries, "
		"which go on without.",
		NULL};
	char name[MS_CALL_NAME_BYTES];
	const struct ms_call_row *row;

	if (!is_native(arch, nr))
		return &foreign[arch == AUDIT_ARCH_X86_64 ? 0 : arch == AUDIT_ARCH_I386 ? 1 : 2];
	row = ms_seccomp_name(arch, nr, name) ? ms_call_row_find(name) : NULL;
	return row ? &row->info : &no_row;
}

/* Which capability depends on the arguments; the first row that holds, NULL for none. A test of
 * value 0 with `any` is "one of these bits". */
struct need {
	const char *call;
	struct {
		uint8_t arg;
		bool any;
		uint64_t mask, value;
	} tests[2];
	const char *cap;
};

#define INT(a, v)                                                                                  \
	{                                                                                          \
		(a), false, 0xffffffff, (uint32_t)(v)                                              \
	}
#define BITS(a, m, v)                                                                              \
	{                                                                                          \
		(a), false, (m), (v)                                                               \
	}
#define ANY(a, m)                                                                                  \
	{                                                                                          \
		(a), true, (uint32_t)(m), 0                                                        \
	}

static const struct need needs[] = {
	/* with a user namespace of its own the others need nothing */
	{"clone", {ANY(0, CLONE_NEWUSER)}, NULL},
	{"clone", {ANY(0, NEW_NAMESPACES)}, "CAP_SYS_ADMIN"},
	{"unshare", {ANY(0, CLONE_NEWUSER)}, NULL},
	{"unshare", {ANY(0, NEW_NAMESPACES | 0x80)}, "CAP_SYS_ADMIN"},
	{"open_tree", {ANY(2, 1 /* OPEN_TREE_CLONE */)}, "CAP_SYS_ADMIN"},
	{"open_tree_attr", {ANY(2, 1)}, "CAP_SYS_ADMIN"},
	{"mknod", {BITS(1, S_IFMT, S_IFCHR)}, "CAP_MKNOD"},
	{"mknod", {BITS(1, S_IFMT, S_IFBLK)}, "CAP_MKNOD"},
	{"mknodat", {BITS(2, S_IFMT, S_IFCHR)}, "CAP_MKNOD"},
	{"mknodat", {BITS(2, S_IFMT, S_IFBLK)}, "CAP_MKNOD"},
	{"chown", {{0}}, "CAP_CHOWN"},
	{"fchown", {{0}}, "CAP_CHOWN"},
	{"lchown", {{0}}, "CAP_CHOWN"},
	{"fchownat", {{0}}, "CAP_CHOWN"},
	{"setuid", {{0}}, "CAP_SETUID"},
	{"setreuid", {{0}}, "CAP_SETUID"},
	{"setresuid", {{0}}, "CAP_SETUID"},
	{"setfsuid", {{0}}, "CAP_SETUID"},
	{"setgid", {{0}}, "CAP_SETGID"},
	{"setregid", {{0}}, "CAP_SETGID"},
	{"setresgid", {{0}}, "CAP_SETGID"},
	{"setfsgid", {{0}}, "CAP_SETGID"},
	{"capset", {{0}}, "CAP_SETPCAP"},
	{"setpriority", {{0}}, "CAP_SYS_NICE"},
	{"sched_setscheduler", {BITS(1, 0xf, SCHED_FIFO)}, "CAP_SYS_NICE"},
	{"sched_setscheduler", {BITS(1, 0xf, SCHED_RR)}, "CAP_SYS_NICE"},
	{"ioprio_set", {BITS(2, 0xe000, 1u << 13)}, "CAP_SYS_NICE"},
	{"prctl", {INT(0, PR_CAPBSET_DROP)}, "CAP_SETPCAP"},
	{"prctl", {INT(0, PR_SET_SECUREBITS)}, "CAP_SETPCAP"},
	{"prctl", {INT(0, PR_SET_MM)}, "CAP_SYS_RESOURCE"},
	{"prctl", {INT(0, PR_SET_IO_FLUSHER)}, "CAP_SYS_RESOURCE"},
	{"socket", {INT(0, AF_PACKET)}, "CAP_NET_RAW"},
	{"socket", {INT(0, AF_INET), BITS(1, 0xf, SOCK_RAW)}, "CAP_NET_RAW"},
	{"socket", {INT(0, AF_INET6), BITS(1, 0xf, SOCK_RAW)}, "CAP_NET_RAW"},
	{"setsockopt", {INT(1, SOL_SOCKET), INT(2, SO_MARK)}, "CAP_NET_ADMIN"},
	{"setsockopt", {INT(1, SOL_SOCKET), INT(2, SO_SNDBUFFORCE)}, "CAP_NET_ADMIN"},
	{"setsockopt", {INT(1, SOL_SOCKET), INT(2, SO_RCVBUFFORCE)}, "CAP_NET_ADMIN"},
	{"setsockopt", {INT(1, IPPROTO_IP), INT(2, IP_TRANSPARENT)}, "CAP_NET_ADMIN"},
	{"ioctl", {INT(1, TIOCSTI)}, "CAP_SYS_ADMIN"},
	{"ioctl", {INT(1, TIOCCONS)}, "CAP_SYS_ADMIN"},
	{"ioctl", {INT(1, SIOCSIFFLAGS)}, "CAP_NET_ADMIN"},
	{"ioctl", {INT(1, SIOCSIFADDR)}, "CAP_NET_ADMIN"},
	{"ioctl", {INT(1, SIOCSIFMTU)}, "CAP_NET_ADMIN"},
	{"ioctl", {INT(1, SIOCADDRT)}, "CAP_NET_ADMIN"},
};

static bool need_holds(const struct need *need, const uint64_t *args)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(need->tests); i++) {
		uint64_t masked = args[need->tests[i].arg] & need->tests[i].mask;

		if (need->tests[i].any ? masked == 0 : masked != need->tests[i].value)
			return false;
	}
	return true;
}

/** ms_call_text_needs() - the capability that these arguments needed, or NULL. */
const char *ms_call_text_needs(const struct ms_shim_violation *v)
{
	char name[MS_CALL_NAME_BYTES];

	if (!is_native(v->arch, v->nr) || !ms_seccomp_name(v->arch, v->nr, name))
		return NULL;
	for (size_t i = 0; i < MS_ARRAY_LEN(needs); i++) {
		if (strcmp(needs[i].call, name) == 0 && need_holds(&needs[i], v->args))
			return needs[i].cap;
	}
	return ms_call_info(v->arch, v->nr)->needs;
}

static void put_hex(struct ms_buf *buf, uint64_t value)
{
	ms_buf_addf(buf, value ? "0x%llx" : "%llu", (unsigned long long)value);
}

static const char *name_of(const struct ms_value_table *table, uint64_t value)
{
	for (size_t i = 0; i < table->n_names; i++) {
		if (table->names[i].value == value)
			return table->names[i].name;
	}
	return NULL;
}

/* "A|B|0x400": names where there are, the rest as bits. */
static void put_flags(struct ms_buf *buf, const struct ms_value_table *table, uint64_t value)
{
	uint64_t rest = value & 0xffffffff, base = rest & table->base;
	const char *sep = "", *name = table->base ? name_of(table, base) : NULL;

	if (name || base) {
		if (name)
			ms_buf_adds(buf, name);
		else
			put_hex(buf, base);
		sep = "|";
	}
	rest &= ~table->base;
	for (size_t i = 0; i < table->n_names; i++) {
		uint64_t bits = table->names[i].value;

		if ((bits & ~table->base) == 0 || (rest & bits) != bits)
			continue;
		ms_buf_addf(buf, "%s%s", sep, table->names[i].name);
		rest &= ~bits;
		sep = "|";
	}
	if (rest || !*sep) {
		ms_buf_adds(buf, sep);
		put_hex(buf, rest);
	}
}

static void put_named(struct ms_buf *buf, const struct ms_value_table *table, uint64_t value)
{
	const char *name = name_of(table, value & 0xffffffff);

	if (name)
		ms_buf_adds(buf, name);
	else
		put_hex(buf, value & 0xffffffff);
}

static bool is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	}
	return len > 0;
}

static void put_bytes(struct ms_buf *buf, const uint8_t *p, size_t len)
{
	if (is_text(p, len)) {
		ms_buf_add(buf, p, len);
		return;
	}
	ms_buf_adds(buf, "hex:");
	for (size_t i = 0; i < len && i < MAX_HEX_BYTES; i++)
		ms_buf_addf(buf, "%02x", p[i]);
	if (len > MAX_HEX_BYTES)
		ms_buf_adds(buf, "...");
}

/* "unix:/run/x", "unix:@name", "inet:1.2.3.4:80", "inet6:[::1]:80", else family and bytes. */
static void put_address(struct ms_buf *buf, const uint8_t *p, size_t len)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint16_t family = 0;

	if (len >= sizeof(family))
		memcpy(&family, p, sizeof(family));
	if (family == AF_UNIX && len > sizeof(family)) {
		bool abstract = p[2] == 0;
		size_t n = abstract ? len - 3 : strnlen((const char *)p + 2, len - 2);

		ms_buf_adds(buf, abstract ? "unix:@" : "unix:");
		ms_buf_add(buf, p + 2 + abstract, n);
	} else if (family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, p, sizeof(in));
		ms_buf_addf(buf, "inet:%s:%u", inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host)),
			    ntohs(in.sin_port));
	} else if (family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, p, sizeof(in6));
		ms_buf_addf(buf, "inet6:[%s]:%u",
			    inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host)),
			    ntohs(in6.sin6_port));
	} else {
		put_named(buf, ms_value_table_find('A'), family);
		ms_buf_adds(buf, ":");
		put_bytes(buf, p, len);
	}
}

/* What the shim read behind argument @arg; false when it read nothing there. */
static bool put_text(struct ms_buf *buf, const struct ms_shim_violation *v, unsigned arg)
{
	const struct ms_shim_text *t = NULL;

	for (uint32_t i = 0; i < v->n_texts && i < MS_ARRAY_LEN(v->texts); i++) {
		if (v->texts[i].arg == arg)
			t = &v->texts[i];
	}
	if (!t || (t->len == 0 && (t->truncated || t->kind != MS_TEXT_PATH)))
		return false;
	switch (t->kind) {
	case MS_TEXT_NONE:
	case MS_TEXT_COUNT:
		return false;
	case MS_TEXT_PATH:
		ms_buf_add(buf, t->bytes, t->len);
		break;
	case MS_TEXT_SOCKADDR:
		put_address(buf, t->bytes, t->len);
		break;
	case MS_TEXT_BYTES:
		put_bytes(buf, t->bytes, t->len);
		break;
	}
	if (t->truncated)
		ms_buf_adds(buf, "...");
	return true;
}

/* Some arguments mean what another one says. */
static char letter_of(const struct ms_shim_violation *v, char letter)
{
	if (letter == 'P' && (uint32_t)v->args[0] == AF_NETLINK)
		return 'N';
	if (letter == 'P' && (uint32_t)v->args[0] != AF_INET && (uint32_t)v->args[0] != AF_INET6)
		return 'd';
	if (letter == 'O' && (uint32_t)v->args[1] != SOL_SOCKET)
		return 'd';
	return letter;
}

static void put_arg(struct ms_buf *buf, const struct ms_shim_violation *v, unsigned arg,
		    char letter)
{
	const struct ms_value_table *table = ms_value_table_find(letter);
	uint64_t value = v->args[arg];

	if (put_text(buf, v, arg))
		return;
	if (table && table->flags)
		put_flags(buf, table, value);
	else if (table)
		put_named(buf, table, value);
	else if (letter == 'd')
		ms_buf_addf(buf, "%d", (int32_t)value);
	else if (letter == 'i' && (uint32_t)value == UINT32_MAX)
		ms_buf_adds(buf, "-1");
	else if (letter == 'i')
		ms_buf_addf(buf, "%u", (uint32_t)value);
	else if (letter == 'l')
		ms_buf_addf(buf, "%llu", (unsigned long long)value);
	else if (letter == 'o')
		ms_buf_addf(buf, "0%o", (uint32_t)value & 0177777u);
	else if (letter == 'p' && value == 0)
		ms_buf_adds(buf, "NULL");
	else
		put_hex(buf, value);
}

static void write_args(struct ms_jw *jw, const struct ms_shim_violation *v, const char *letters)
{
	ms_jw_array(jw, "args");
	for (unsigned i = 0; i < 6 && letters[i]; i++) {
		struct ms_buf buf = MS_BUF_INIT(MAX_ARG_BYTES);

		put_arg(&buf, v, i, letter_of(v, letters[i]));
		ms_jw_str(jw, NULL, (struct ms_str){buf.data ? buf.data : "", buf.len});
		ms_buf_done(&buf);
	}
	ms_jw_end(jw);
}

static const char *error_name(int32_t error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "unknown";
}

/**
 * ms_call_text_observed() - the members of `observed`.
 * @jw: with the object open
 * @v: one report; the strings in it are the module's
 */
void ms_call_text_observed(struct ms_jw *jw, const struct ms_shim_violation *v)
{
	bool native = is_native(v->arch, v->nr);
	char buf[MS_CALL_NAME_BYTES];
	const char *name = ms_seccomp_name(v->arch, v->nr, buf), *cap = ms_call_text_needs(v);
	const struct ms_call_row *row = native && name ? ms_call_row_find(name) : NULL;

	if (name)
		ms_jw_text(jw, "call", name);
	else
		ms_jw_textf(jw, "call", "#%u", v->nr & ~X32_BIT);
	ms_jw_uint(jw, "number", v->arch == AUDIT_ARCH_X86_64 ? v->nr & ~X32_BIT : v->nr);
	ms_jw_text(jw, "arch", ms_call_text_arch(v->arch, v->nr));
	write_args(jw, v, row ? row->args : "xxxxxx");
	if (v->n_texts)
		ms_jw_text(jw, "argsAre", "as read while the caller waited");
	ms_jw_text(jw, "error", error_name(v->error));
	if (cap)
		ms_jw_text(jw, "needs", cap);
}
