/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-keyring-search.c - look for a key of whoever started the supervisor (the harness put
 * "modsup-canary" into its session keyring). Two locks stand before it: the
 * filter refuses the calls, and the keyring is not the same one; `red` opens the first to try the
 * second.
 */
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int search_session(void)
{
	return ms_attack_result(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
					"modsup-canary", 0));
}

static const struct ms_attack acts[] = {
	{"search-session", search_session},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
