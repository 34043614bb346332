/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caller.c - reading a caller through the shim's own procfs and process_vm_readv(2), which the shim
 * may as the owner of the caller's user namespace. Called by notify.c, which asks afterwards
 * whether the caller is still the same.
 */
#include "shim/caller.h"

#include <linux/audit.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/num.h"
#include "lib/sys.h"
#include "lib/sysarg.h"

static ssize_t read_proc(const struct ms_shim *shim, uint32_t tid, const char *name, char *buf,
			 size_t cap)
{
	char path[64];
	ms_auto_fd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "%u/%s", tid, name); /* always fits */
	fd = ms_sys_openat(shim->proc, path, O_RDONLY | O_CLOEXEC, 0);
	return fd < 0 ? fd : ms_sys_read(fd, buf, cap);
}

static size_t read_comm(const struct ms_shim *shim, uint32_t tid, char *buf, size_t cap)
{
	ssize_t n = read_proc(shim, tid, "comm", buf, cap);

	if (n <= 0)
		return 0;
	if (buf[n - 1] == '\n')
		n--;
	return strnlen(buf, (size_t)n);
}

static size_t read_exe(const struct ms_shim *shim, uint32_t tid, char *buf, size_t cap)
{
	char path[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%u/exe", tid); /* always fits */
	n = ms_sys_readlinkat(shim->proc, path, buf, cap);
	return n <= 0 ? 0 : strnlen(buf, (size_t)n);
}

/* The process of a thread, from "Tgid:\t123" in its status; 0 when it is gone. */
static uint32_t read_tgid(const struct ms_shim *shim, uint32_t tid)
{
	char buf[512];
	ssize_t n = read_proc(shim, tid, "status", buf, sizeof(buf) - 1);
	const char *p;
	uint32_t tgid = 0;
	size_t len = 0;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strstr(buf, "\nTgid:\t");
	if (!p)
		return 0;
	p += 7;
	while (p[len] >= '0' && p[len] <= '9')
		len++;
	return ms_parse_u32(p, len, 1, INT32_MAX, &tgid) < 0 ? 0 : tgid;
}

/* Read up to @cap bytes of the caller's memory, page by page: what lies before an unmapped page is
 * still read. */
static size_t read_memory(uint32_t tid, uint64_t address, uint8_t *buf, size_t cap)
{
	size_t done = 0;

	while (done < cap) {
		size_t part = MS_MIN(cap - done, (size_t)(4096 - (address + done) % 4096));
		struct iovec local = {.iov_base = buf + done, .iov_len = part};
		struct iovec remote = {.iov_base = (void *)(uintptr_t)(address + done),
				       .iov_len = part};
		ssize_t n = ms_sys_process_vm_readv((int)tid, &local, 1, &remote, 1);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static void read_text(uint32_t tid, const struct ms_shim_violation *v,
		      const struct ms_sysarg_text *spec, struct ms_shim_text *ret)
{
	uint64_t address = v->args[spec->arg];
	size_t want = sizeof(ret->bytes), got;

	ret->arg = spec->arg;
	ret->kind = spec->kind;
	ret->truncated = false;
	if (spec->len_arg < 6)
		want = MS_MIN(want, (size_t)v->args[spec->len_arg]);
	got = address ? read_memory(tid, address, ret->bytes, want) : 0;
	if (spec->kind == MS_TEXT_PATH) {
		size_t n = strnlen((const char *)ret->bytes, got);

		ret->truncated = n == got;
		got = n;
	} else if (spec->len_arg < 6) {
		ret->truncated = v->args[spec->len_arg] > sizeof(ret->bytes);
	}
	ret->len = (uint16_t)got;
}

/** ms_caller_read_texts() - see caller.h; native calls only. */
void ms_caller_read_texts(struct ms_shim_violation *v)
{
	const struct ms_sysarg *sysarg;

	v->n_texts = 0;
	if (v->arch != AUDIT_ARCH_X86_64 || (v->nr & 0x40000000u))
		return;
	sysarg = ms_sysarg_find(v->nr);
	for (uint32_t i = 0; sysarg && i < sysarg->n_texts && i < MS_ARRAY_LEN(v->texts); i++)
		read_text(v->tid, v, &sysarg->texts[i], &v->texts[v->n_texts++]);
}

/** ms_caller_read() - see caller.h. */
void ms_caller_read(const struct ms_shim *shim, uint32_t tid, struct ms_caller *ret)
{
	ret->pid = read_tgid(shim, tid);
	ret->comm_len = read_comm(shim, tid, ret->comm, sizeof(ret->comm));
	ret->exe_len = read_exe(shim, tid, ret->exe, sizeof(ret->exe));
}
