/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sys.c - the one place where a system call is made. Replaced at link time by tests/fault, which
 * fails the n-th.
 */
#include "lib/sys.h"

/* No sanitizer or instrumentation belongs between the registers and the kernel. */
__attribute__((noinline)) long ms_sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
