/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover.c - one message from modsupd: the sealed plan and what it needs. Anything that is not
 * exactly that ends the shim, or the helper.
 */
#include <sys/mman.h>

#include "lib/fs.h"
#include "shim/shim.h"

int ms_shim_fd(const struct ms_shim *shim, enum ms_fd_role role)
{
	for (uint32_t i = 0; i < shim->plan.n_fds; i++) {
		if (shim->plan.fds[i] == role)
			return shim->fds[i];
	}
	return -EBADF;
}

/* Map the plan read-only: it is sealed, so what was checked is what will be read. */
static int map_plan(struct ms_shim *shim, int fd, struct ms_error *err)
{
	struct stat st;
	void *map;
	int r = ms_fs_is_sealed(fd);

	if (r <= 0)
		return ms_error_set(err, r < 0 ? -r : EPERM, "the plan is not sealed");
	r = ms_sys_fstat(fd, &st);
	if (r < 0)
		return ms_error_set(err, -r, "stat of the plan");
	if (st.st_size <= 0 || st.st_size > (off_t)MS_MAX_PLAN_BYTES)
		return ms_error_set(err, EBADMSG, "the plan has %lld bytes", (long long)st.st_size);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return ms_error_set(err, errno, "map the plan");
	shim->plan_map = map;
	shim->plan_len = (size_t)st.st_size;
	return 0;
}

/* @want: PLAN or EXEC. The plan is the first descriptor; EXEC's second is the main process. */
static int receive(struct ms_shim *shim, enum ms_shim_type want, struct ms_error *err)
{
	const size_t n_before = want == MS_SHIM_EXEC ? 2 : 1;
	uint8_t buf[MS_SHIM_MAX_BYTES];
	int fds[MS_MAX_PLAN_FDS + 1];
	size_t n_fds = 0;
	struct ms_shim_msg msg;
	ssize_t n;
	int r;

	n = ms_io_recv(shim->control, buf, sizeof(buf), fds, MS_ARRAY_LEN(fds), &n_fds, 0);
	if (n < 0)
		return ms_error_set(err, (int)-n, "receive the plan");
	if (n == 0)
		return ms_error_set(err, ECONNRESET, "modsupd went away before it sent a plan");
	if (ms_shimwire_decode(buf, (size_t)n, &msg) < 0 || msg.type != want || n_fds < n_before)
		return ms_error_set(err, EBADMSG, "the first message is not a plan");
	shim->plan_fd = fds[0]; /* a successor of modsupd wants it */
	r = map_plan(shim, shim->plan_fd, err);
	if (want == MS_SHIM_EXEC)
		shim->plan_fd = ms_fd_close(shim->plan_fd);
	if (r < 0)
		return r;
	if (ms_plan_decode(shim->plan_map, shim->plan_len, &shim->plan) < 0)
		return ms_error_set(err, EBADMSG, "the plan does not decode");
	if (shim->plan.n_fds != n_fds - n_before)
		return ms_error_set(err, EBADMSG, "the plan names %u descriptors, %zu came",
				    shim->plan.n_fds, n_fds - n_before);
	if (want == MS_SHIM_EXEC) {
		shim->joins = true;
		shim->join = fds[1];
	}
	for (size_t i = 0; i < shim->plan.n_fds; i++)
		shim->fds[i] = fds[i + n_before];
	return 0;
}

int ms_handover_receive(struct ms_shim *shim, struct ms_error *err)
{
	return receive(shim, MS_SHIM_PLAN, err);
}

int ms_handover_join(struct ms_shim *shim, struct ms_error *err)
{
	return receive(shim, MS_SHIM_EXEC, err);
}
