/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-sysarg.c - each row once, in range, and what the important ones say. */
#include "lib/sysarg.h"

#include <sys/syscall.h>

#include "tests/unit/test.h"

/* Numbers up to which the table is walked: well past the newest call. */
#define END 2048u

TEST(every_row_is_in_range)
{
	unsigned n = 0;

	for (uint32_t nr = 0; nr < END; nr++) {
		const struct ms_sysarg *row = ms_sysarg_find(nr);

		if (!row)
			continue;
		n++;
		CHECK_EQ(row->nr, nr);
		CHECK(row->n_texts >= 1 && row->n_texts <= 2);
		for (uint32_t i = 0; i < row->n_texts; i++) {
			const struct ms_sysarg_text *t = &row->texts[i];

			CHECK(t->arg < 6);
			CHECK(t->kind != MS_TEXT_NONE && t->kind < MS_TEXT_COUNT);
			CHECK(t->len_arg < 6 || t->len_arg == MS_SYSARG_NO_LEN);
			CHECK(t->len_arg != t->arg);
			/* a path ends by itself, an address never does */
			CHECK((t->kind == MS_TEXT_PATH) <= (t->len_arg == MS_SYSARG_NO_LEN));
			CHECK((t->kind == MS_TEXT_SOCKADDR) <= (t->len_arg < 6));
		}
		if (row->n_texts == 2)
			CHECK(row->texts[0].arg != row->texts[1].arg);
	}
	CHECK(n > 80);
}

static const struct {
	uint32_t nr;
	struct ms_sysarg_text texts[2];
} known[] = {
	{__NR_mount, {{0, MS_TEXT_PATH, MS_SYSARG_NO_LEN}, {1, MS_TEXT_PATH, MS_SYSARG_NO_LEN}}},
	{__NR_openat, {{1, MS_TEXT_PATH, MS_SYSARG_NO_LEN}}},
	{__NR_connect, {{1, MS_TEXT_SOCKADDR, 2}}},
	{__NR_sendto, {{4, MS_TEXT_SOCKADDR, 5}}},
	{__NR_bpf, {{1, MS_TEXT_BYTES, 2}}},
	{__NR_move_mount,
	 {{1, MS_TEXT_PATH, MS_SYSARG_NO_LEN}, {3, MS_TEXT_PATH, MS_SYSARG_NO_LEN}}},
};

TEST(known_rows)
{
	for (size_t i = 0; i < MS_ARRAY_LEN(known); i++) {
		const struct ms_sysarg *row = ms_sysarg_find(known[i].nr);

		REQUIRE(row);
		for (uint32_t t = 0; t < row->n_texts; t++) {
			CHECK_EQ(row->texts[t].arg, known[i].texts[t].arg);
			CHECK_EQ(row->texts[t].kind, known[i].texts[t].kind);
			CHECK_EQ(row->texts[t].len_arg, known[i].texts[t].len_arg);
		}
		CHECK_EQ(row->n_texts, known[i].texts[1].kind == MS_TEXT_NONE ? 1 : 2);
	}
}

TEST(no_row)
{
	CHECK(!ms_sysarg_find(__NR_getpid));
	CHECK(!ms_sysarg_find(__NR_ptrace));
	CHECK(!ms_sysarg_find(0x40000000u | __NR_mount));
	CHECK(!ms_sysarg_find(UINT32_MAX));
}
