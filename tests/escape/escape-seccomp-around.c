/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-seccomp-around.c - go around the filter: other call tables (CVE-2009-0835, CVE-2014-0038),
 * bits that the kernel ignores and a filter may not (CVE-2019-10063), a ring that makes calls
 * without making them, a filter of one's own that outranks the listener.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#define X32_BIT 0x40000000L

static int x32_table(void)
{
	return ms_attack_result(syscall(X32_BIT | SYS_getpid));
}

static int x32_own_numbers(void)
{
	return ms_attack_result(syscall(X32_BIT | 521 /* ptrace there */, 0, 0, 0, 0));
}

/* 20 is getpid in the 32-bit table, writev in the other. */
static int i386_gate(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result < 0 ? (int)result : 0;
}

/* 21 is mount in the 32-bit table and access in the other, which is allowed. */
static int i386_mount(void)
{
	long result = 21;

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	/* EFAULT and the like would mean that mount() itself was reached */
	return result == -EPERM || result == -ENOSYS ? (int)result : 0;
}

static int unknown_number(void)
{
	return ms_attack_result(syscall(600));
}

static int negative_number(void)
{
	return ms_attack_result(syscall(-2));
}

static int ring(void)
{
	char params[120] = {0};

	return ms_attack_result(syscall(SYS_io_uring_setup, 4, params));
}

static int ring_enter(void)
{
	int r = ms_attack_result(syscall(SYS_io_uring_enter, -1, 0, 0, 0, 0, 0));

	return r == -EPERM || r == -ENOSYS ? r : 0;
}

static struct sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog program = {.len = 1, .filter = allow_all};

static int own_filter(void)
{
	return ms_attack_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static int own_filter_by_prctl(void)
{
	return ms_attack_result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static int own_listener(void)
{
	return ms_attack_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
					SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

/* On a pipe: what counts is that the filter stops it, not that there is no terminal. */
static int push_terminal_input(void)
{
	char c = 'x';
	int r = ms_attack_result(ioctl(0, 0x5412 /* TIOCSTI */, &c));

	return r == -EPERM ? r : 0;
}

static int push_with_high_bits(void)
{
	char c = 'x';
	int r = ms_attack_result(syscall(SYS_ioctl, 0L, 0x5412L | (1L << 32), &c));

	return r == -EPERM ? r : 0;
}

static int console_with_high_bits(void)
{
	char c = 2;
	int r = ms_attack_result(syscall(SYS_ioctl, 0L, 0x541cL | (3L << 33), &c));

	return r == -EPERM ? r : 0;
}

static int no_randomness(void)
{
	return ms_attack_result(personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC));
}

static int own_landlock(void)
{
	int r = ms_attack_result(syscall(444 /* landlock_create_ruleset */, NULL, 0, 0));

	return r == -EPERM || r == -ENOSYS ? r : 0;
}

static const struct ms_attack acts[] = {
	{"x32-table", x32_table},
	{"x32-own-numbers", x32_own_numbers},
	{"i386-gate", i386_gate},
	{"i386-mount", i386_mount},
	{"unknown-number", unknown_number},
	{"negative-number", negative_number},
	{"ring", ring},
	{"ring-enter", ring_enter},
	{"own-filter", own_filter},
	{"own-filter-by-prctl", own_filter_by_prctl},
	{"own-listener", own_listener},
	{"push-terminal-input", push_terminal_input},
	{"push-with-high-bits", push_with_high_bits},
	{"console-with-high-bits", console_with_high_bits},
	{"no-randomness", no_randomness},
	{"own-landlock", own_landlock},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
