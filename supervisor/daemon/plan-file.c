/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan-file.c - plan-file.h. The seals come before the look: what was hashed is what will be used.
 */
#include "supervisor/daemon/plan-file.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "modsup/limits.h"
#include "policy/digest.h"

void ms_plan_file_hash(const void *data, size_t len, uint8_t ret[static MS_PLAN_HASH_BYTES])
{
	struct ms_digest digest;

	_Static_assert(MS_PLAN_HASH_BYTES == MS_DIGEST_BYTES, "SHA-256");
	ms_digest_bytes(data, len, &digest);
	memcpy(ret, digest.bytes, sizeof(digest.bytes));
}

bool ms_plan_file_is(int fd, const uint8_t hash[static MS_PLAN_HASH_BYTES])
{
	uint8_t found[MS_PLAN_HASH_BYTES];
	struct stat st;
	void *map;

	if (ms_fs_is_sealed(fd) != 1 || fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    st.st_size > (off_t)MS_MAX_PLAN_BYTES)
		return false;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	ms_plan_file_hash(map, (size_t)st.st_size, found);
	(void)munmap(map, (size_t)st.st_size); /* ours: cannot fail */
	return memcmp(found, hash, sizeof(found)) == 0;
}
