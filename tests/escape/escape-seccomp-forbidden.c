/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-seccomp-forbidden.c - calls that only an attack makes. Each ends the module, so the
 * harness runs this program once for each, named by its argument; a line of output means that the
 * module survived it.
 */
#include <linux/reboot.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int load_module(void)
{
	return ms_attack_result(syscall(SYS_init_module, NULL, 0, ""));
}

static int load_kernel(void)
{
	return ms_attack_result(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int load_module_file(void)
{
	return ms_attack_result(syscall(SYS_finit_module, -1, "", 0));
}

static int unload_module(void)
{
	return ms_attack_result(syscall(SYS_delete_module, "nonexistent", 0));
}

static int start_swapping(void)
{
	return ms_attack_result(swapon("/nonexistent", 0));
}

static int stop_swapping(void)
{
	return ms_attack_result(swapoff("/nonexistent"));
}

/* With the wrong magic numbers, so that nothing could ever come of it. */
static int reboot_host(void)
{
	return ms_attack_result(syscall(SYS_reboot, 0, 0, LINUX_REBOOT_CMD_CAD_OFF, NULL));
}

static const struct ms_attack acts[] = {
	{"init_module", load_module},	  {"finit_module", load_module_file},
	{"delete_module", unload_module}, {"kexec_load", load_kernel},
	{"swapon", start_swapping},	  {"swapoff", stop_swapping},
	{"reboot", reboot_host},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
