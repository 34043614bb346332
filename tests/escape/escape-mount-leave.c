/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-mount-leave.c - leave the mount view: by mounting, by the newer mount calls that
 * deny-lists forget (CVE-2021-41133), by going up, by the links that procfs offers.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#ifndef SYS_mount_setattr
#	define SYS_mount_setattr 442
#endif

static int mount_tmpfs(void)
{
	return ms_attack_result(mount("none", "/tmp", "tmpfs", 0, ""));
}

static int bind_root(void)
{
	return ms_attack_result(mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
}

static int remount_writable(void)
{
	return ms_attack_result(mount(NULL, "/module", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int uncover_proc(void)
{
	return ms_attack_result(umount2("/proc/sys", MNT_DETACH));
}

static int unmount_root(void)
{
	return ms_attack_result(umount2("/", MNT_DETACH));
}

static int pivot(void)
{
	return ms_attack_result(syscall(SYS_pivot_root, "/tmp", "/tmp"));
}

static int open_tree_clone(void)
{
	return ms_attack_result(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */));
}

static int move_a_mount(void)
{
	return ms_attack_result(syscall(SYS_move_mount, AT_FDCWD, "/module", AT_FDCWD, "/tmp", 0));
}

static int open_a_file_system(void)
{
	return ms_attack_result(syscall(SYS_fsopen, "proc", 0));
}

static int change_attributes(void)
{
	struct {
		unsigned long long set, clr, propagation, userns;
	} attr = {.clr = 1 /* MOUNT_ATTR_RDONLY */};

	return ms_attack_result(
		syscall(SYS_mount_setattr, AT_FDCWD, "/module", 0, &attr, sizeof(attr)));
}

static int change_root(void)
{
	return ms_attack_result(chroot("/tmp"));
}

/* The file that the harness made on the host, by every spelling that could lead there. */
static int stat_canary(const char *prefix)
{
	const char *canary = getenv("CANARY");
	char path[512] = "";
	struct stat st;
	size_t n = 0;

	if (!canary)
		return 0; /* nothing was tried: this must not pass for a refusal */
	for (const char *p = prefix; *p && n < sizeof(path) - 1; p++)
		path[n++] = *p;
	for (const char *p = canary; *p && n < sizeof(path) - 1; p++)
		path[n++] = *p;
	return ms_attack_result(stat(path, &st));
}

static int see_host_file(void)
{
	return stat_canary("");
}

static int climb_up(void)
{
	return stat_canary("/module/../../../../../../../..");
}

static int through_root_of_init(void)
{
	return stat_canary("/proc/1/root");
}

static int through_cwd_of_init(void)
{
	return stat_canary("/proc/1/cwd/../../../../../../..");
}

static int through_own_root(void)
{
	return stat_canary("/proc/self/root/../../..");
}

static int through_task_root(void)
{
	return stat_canary("/proc/thread-self/root/..");
}

static int write_to_base(void)
{
	return ms_attack_open("/usr/bin/planted", O_WRONLY | O_CREAT);
}

static int write_to_bundle(void)
{
	return ms_attack_open("/module/planted", O_WRONLY | O_CREAT);
}

static int write_to_root(void)
{
	return ms_attack_open("/planted", O_WRONLY | O_CREAT);
}

/* The program that runs as process 1 on the host's disk (CVE-2019-5736). */
static int overwrite_shim(void)
{
	return ms_attack_open("/proc/1/exe", O_WRONLY);
}

static const struct ms_attack acts[] = {
	{"mount-tmpfs", mount_tmpfs},
	{"bind-root", bind_root},
	{"remount-writable", remount_writable},
	{"uncover-proc", uncover_proc},
	{"unmount-root", unmount_root},
	{"pivot", pivot},
	{"open-tree", open_tree_clone},
	{"move-mount", move_a_mount},
	{"fsopen", open_a_file_system},
	{"mount-setattr", change_attributes},
	{"chroot", change_root},
	{"see-host-file", see_host_file},
	{"climb-up", climb_up},
	{"through-root-of-init", through_root_of_init},
	{"through-cwd-of-init", through_cwd_of_init},
	{"through-own-root", through_own_root},
	{"through-task-root", through_task_root},
	{"write-to-base", write_to_base},
	{"write-to-bundle", write_to_bundle},
	{"write-to-root", write_to_root},
	{"overwrite-shim", overwrite_shim},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
