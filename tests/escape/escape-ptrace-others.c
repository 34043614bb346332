/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-ptrace-others.c - read, steer and watch what is not the module's own: other processes
 * (CVE-2022-30594, CVE-2019-13272), the kernel, the host's keyrings, files by their handles. Every
 * call is refused and told; debuggers and profilers try some of them, so the module goes on.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static int trace_shim(void)
{
	return ms_attack_result(ptrace(PTRACE_SEIZE, 1, NULL, NULL));
}

/* Its own child's tracer could lift a filter (CVE-2022-30594). */
static int trace_me(void)
{
	return ms_attack_result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int vm(long number)
{
	char here[8] = "";
	struct iovec local = {here, sizeof(here)}, remote = {(void *)0x400000, sizeof(here)};

	return ms_attack_result(syscall(number, 1, &local, 1, &remote, 1, 0));
}

static int read_shim(void)
{
	return vm(SYS_process_vm_readv);
}

static int write_shim(void)
{
	return vm(SYS_process_vm_writev);
}

static int take_descriptor(void)
{
	long fd = syscall(SYS_pidfd_open, 1, 0);

	return ms_attack_result(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return ms_attack_result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int watch_kernel(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};

	return ms_attack_result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int stop_the_kernel(void)
{
	return ms_attack_result(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int plant_key(void)
{
	return ms_attack_result(
		syscall(SYS_add_key, "user", "planted", "x", 1, KEY_SPEC_SESSION_KEYRING));
}

static int list_keys(void)
{
	char keys[64];

	return ms_attack_result(
		syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, keys, sizeof(keys)));
}

static int ask_for_key(void)
{
	return ms_attack_result(syscall(SYS_request_key, "user", "planted", "x", 0));
}

static int open_by_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char inode[8];
	} root = {.head = {.handle_bytes = 8, .handle_type = 1}, .inode = {2}};

	return ms_attack_result(open_by_handle_at(AT_FDCWD, &root.head, O_RDONLY));
}

static int make_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char room[128];
	} root = {.head = {.handle_bytes = 128}};
	int id;

	return ms_attack_result(name_to_handle_at(AT_FDCWD, "/", &root.head, &id, 0));
}

static const struct ms_attack acts[] = {
	{"ptrace", trace_shim},
	{"ptrace-me", trace_me},
	{"process_vm_readv", read_shim},
	{"process_vm_writev", write_shim},
	{"pidfd_getfd", take_descriptor},
	{"bpf", make_map},
	{"perf_event_open", watch_kernel},
	{"userfaultfd", stop_the_kernel},
	{"add_key", plant_key},
	{"keyctl", list_keys},
	{"request_key", ask_for_key},
	{"open_by_handle_at", open_by_handle},
	{"name_to_handle_at", make_handle},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
