/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-proc-write.c - what procfs tells and lets one set: the host's knobs, its secrets, and the
 * processes of others.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int core_pattern(void)
{
	return ms_attack_write("/proc/sys/kernel/core_pattern", "|/module/x %p");
}

static int modprobe(void)
{
	return ms_attack_write("/proc/sys/kernel/modprobe", "/module/x");
}

static int binfmt(void)
{
	return ms_attack_write("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/module/x:");
}

static int sysrq(void)
{
	return ms_attack_write("/proc/sysrq-trigger", "h");
}

static int message_size(void)
{
	return ms_attack_write("/proc/sys/kernel/msgmax", "1");
}

static int forwarding(void)
{
	return ms_attack_write("/proc/sys/net/ipv4/ip_forward", "1");
}

static int low_ports(void)
{
	return ms_attack_write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

static int memfd_policy(void)
{
	return ms_attack_write("/proc/sys/vm/memfd_noexec", "0");
}

static int kcore(void)
{
	return ms_attack_read("/proc/kcore");
}

static int kmsg(void)
{
	return ms_attack_read("/proc/kmsg");
}

static int keys(void)
{
	return ms_attack_read("/proc/keys");
}

static int symbols(void)
{
	return ms_attack_read("/proc/kallsyms");
}

static int interrupts(void)
{
	return ms_attack_read("/proc/interrupts");
}

static int boot_id(void)
{
	return ms_attack_read("/proc/sys/kernel/random/boot_id");
}

static int open_files(void)
{
	return ms_attack_read("/proc/sys/fs/file-nr");
}

static int inodes(void)
{
	return ms_attack_read("/proc/sys/fs/inode-nr");
}

static int terminals(void)
{
	return ms_attack_read("/proc/sys/kernel/pty/nr");
}

static int core_handler(void)
{
	return ms_attack_read("/proc/sys/kernel/core_pattern");
}

static int devices(void)
{
	return ms_attack_read("/proc/partitions");
}

static int firmware(void)
{
	return ms_attack_open("/sys/firmware", O_RDONLY | O_DIRECTORY);
}

/* hidepid: a process of another user is not even there. */
static int see_shim(void)
{
	struct stat st;

	return ms_attack_result(stat("/proc/1/status", &st));
}

static int shim_environment(void)
{
	return ms_attack_read("/proc/1/environ");
}

static int shim_memory(void)
{
	return ms_attack_open("/proc/1/mem", O_RDWR);
}

static int shim_descriptors(void)
{
	return ms_attack_open("/proc/1/fd", O_RDONLY | O_DIRECTORY);
}

static int shim_root(void)
{
	return ms_attack_open("/proc/1/root", O_RDONLY | O_DIRECTORY);
}

static int shim_namespace(void)
{
	return ms_attack_open("/proc/1/ns/mnt", O_RDONLY);
}

static int shim_oom(void)
{
	return ms_attack_write("/proc/1/oom_score_adj", "1000");
}

/* Lower than it was given: only with CAP_SYS_RESOURCE. */
static int hide_from_oom(void)
{
	return ms_attack_write("/proc/self/oom_score_adj", "-1000");
}

static int count_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int others = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			others += strtol(e->d_name, NULL, 10) != getpid();
	(void)closedir(dir);
	return others ? 0 : -ESRCH;
}

/* A folder of somebody else's making in place of procfs would make every check above worthless. */
static int false_proc(void)
{
	struct statfs st;

	if (statfs("/proc/self", &st) < 0)
		return 0;
	return st.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */ ? -EPERM : 0;
}

static const struct ms_attack acts[] = {
	{"core-pattern", core_pattern},
	{"modprobe", modprobe},
	{"binfmt", binfmt},
	{"sysrq", sysrq},
	{"message-size", message_size},
	{"forwarding", forwarding},
	{"low-ports", low_ports},
	{"memfd-policy", memfd_policy},
	{"kcore", kcore},
	{"kmsg", kmsg},
	{"keys", keys},
	{"symbols", symbols},
	{"interrupts", interrupts},
	{"boot-id", boot_id},
	{"open-files", open_files},
	{"inodes", inodes},
	{"terminals", terminals},
	{"core-handler", core_handler},
	{"devices", devices},
	{"firmware", firmware},
	{"see-shim", see_shim},
	{"shim-environment", shim_environment},
	{"shim-memory", shim_memory},
	{"shim-descriptors", shim_descriptors},
	{"shim-root", shim_root},
	{"shim-namespace", shim_namespace},
	{"shim-oom", shim_oom},
	{"hide-from-oom", hide_from_oom},
	{"count-processes", count_processes},
	{"false-proc", false_proc},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
