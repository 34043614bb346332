/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sanitizer.c - what AddressSanitizer must not do in a program that has given up the calls for it.
 * Part of modsupd and modsup-inspect, which start without an environment that could say so, and
 * only in a build with --enable-sanitizers; called by the sanitizer's runtime before main().
 */

const char *__asan_default_options(void);

/* The search for leaks attaches to its own process, which neither program's filter allows; nor does
 * the inspector's setting the limit on core files, which is none already. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0:disable_coredump=0";
}
