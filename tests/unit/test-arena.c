/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-arena.c - copies, alignment, the cap, the sticky error, failing allocations. Run by `make
 * check`. */
#include "lib/arena.h"

#include "tests/unit/oom.h"
#include "tests/unit/test.h"

TEST(copies_stay)
{
	struct ms_arena arena = MS_ARENA_INIT(100000);
	struct ms_str kept[200];

	for (unsigned i = 0; i < 200; i++) {
		char text[100];

		(void)snprintf(text, sizeof(text), "%u%*s", i, (int)(i % 60), "x"); /* fits */
		kept[i] = ms_arena_strf(&arena, "%s", text);
		CHECK_EQ(kept[i].len, strlen(text));
	}
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(strtoul(kept[i].p, NULL, 10), i);
	CHECK_EQ(arena.error, 0);
	ms_arena_done(&arena);
	ms_arena_done(NULL);
}

TEST(str_keeps_nul_bytes_and_ends_in_one)
{
	struct ms_arena arena = MS_ARENA_INIT(100);
	struct ms_str s = ms_arena_str(&arena, "a\0b", 3), empty = ms_arena_str(&arena, NULL, 0);

	CHECK(s.len == 3 && memcmp(s.p, "a\0b", 4) == 0);
	CHECK_STR(empty.p, "");
	ms_arena_done(&arena);
}

TEST(alloc_is_aligned_and_zero)
{
	struct ms_arena arena = MS_ARENA_INIT(1000000);

	for (size_t len = 1; len < 300; len += 7) {
		unsigned char *p = ms_arena_alloc(&arena, len);

		REQUIRE(p);
		CHECK_EQ((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < len; i++)
			CHECK_EQ(p[i], 0);
		memset(p, 0xff, len);
	}
	ms_arena_done(&arena);
}

TEST(cap_and_cap_plus_one)
{
	struct ms_arena arena = MS_ARENA_INIT(10);
	struct ms_str s;

	CHECK(ms_arena_alloc(&arena, 6));
	CHECK(ms_arena_alloc(&arena, 4));
	CHECK_EQ(arena.error, 0);
	CHECK(!ms_arena_alloc(&arena, 1));
	CHECK_EQ(arena.error, -E2BIG);
	CHECK(!ms_arena_alloc(&arena, 0)); /* sticky */
	s = ms_arena_str(&arena, "a", 1);
	CHECK(s.len == 0 && s.p[0] == '\0');
	s = ms_arena_strf(&arena, "%d", 1);
	CHECK(s.len == 0 && s.p[0] == '\0');
	ms_arena_done(&arena);
	arena = MS_ARENA_INIT(10);
	CHECK(!ms_arena_alloc(&arena, SIZE_MAX));
	CHECK_EQ(arena.error, -E2BIG);
}

TEST(larger_than_a_block)
{
	struct ms_arena arena = MS_ARENA_INIT(100000);
	char *big = ms_arena_alloc(&arena, 50000), *small = ms_arena_alloc(&arena, 10);

	REQUIRE(big && small);
	memset(big, 1, 50000);
	CHECK_EQ(small[0], 0);
	ms_arena_done(&arena);
}

static void oom_run(void)
{
	struct ms_arena arena = MS_ARENA_INIT(100000);
	struct ms_str s = {.p = "", .len = 0};

	for (int i = 0; i < 100; i++)
		s = ms_arena_strf(&arena, "%0100d", i);
	CHECK_EQ(arena.error, oom_happened ? -ENOMEM : 0);
	CHECK_EQ(s.len, oom_happened ? 0 : 100);
	ms_arena_done(&arena);
}

TEST(each_allocation_failing)
{
	OOM_LOOP
	oom_run();
}
