/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-window.c - windows over counters and the pace of telling, with a clock of the test's own. */
#include "supervisor/daemon/window.h"

#include "tests/unit/test.h"

#define SECOND	 UINT64_C(1000000)
#define MINUTE	 (60 * SECOND)
#define START	 (1000 * SECOND)
#define A_SAMPLE struct ms_window_sample

/* One look @at seconds after the start; counters as given. */
static bool look(struct ms_window *w, uint64_t at, uint64_t count, A_SAMPLE *ret)
{
	return ms_window_look(
		w, &(A_SAMPLE){.usec = START + at * SECOND, .count = count, .amount = 7 * count},
		ret);
}

TEST(nothing_before_a_whole_window)
{
	struct ms_window w;
	A_SAMPLE got = {.count = 99};

	ms_window_init(&w, MINUTE);
	for (uint64_t t = 0; t < 60; t += 10)
		CHECK(!look(&w, t, t, &got));
	CHECK_EQ(got.count, 99); /* not touched */
	CHECK(look(&w, 60, 60, &got));
	CHECK_EQ(got.count, 60);
	CHECK_EQ(got.amount, 420);
	CHECK_EQ(got.usec, MINUTE);
}

TEST(the_window_moves_on)
{
	struct ms_window w;
	A_SAMPLE got;

	ms_window_init(&w, MINUTE);
	/* a burst of 100 in the first ten seconds, then 1 every ten */
	for (uint64_t t = 0; t <= 600; t += 10) {
		bool whole = look(&w, t, t == 0 ? 0 : 100 + t / 10, &got);

		CHECK_EQ(whole, t >= 60);
		if (t == 60)
			CHECK_EQ(got.count, 106);
		if (t > 60) {
			CHECK_EQ(got.count, 6);
			CHECK_EQ(got.usec, MINUTE);
		}
	}
}

/* More looks than the ring holds, each millisecond: the window is covered all the same. */
TEST(frequent_looks_do_not_shorten_it)
{
	struct ms_window w;
	A_SAMPLE got = {0};
	bool whole = false;

	ms_window_init(&w, MINUTE);
	for (uint64_t ms = 0; ms <= 90000; ms++) {
		A_SAMPLE now = {.usec = START + ms * 1000, .count = ms};

		whole = ms_window_look(&w, &now, &got);
		CHECK_EQ(whole, ms >= 60000);
		if (whole && (got.usec < MINUTE || got.usec > MINUTE + 2 * 10 * SECOND)) {
			test_failures++;
			break;
		}
		if (whole)
			CHECK_EQ(got.count * 1000, got.usec);
	}
	CHECK(whole);
}

/* As they come in practice: every 10.5, 7 or 14 seconds, and once very late. */
TEST(uneven_looks)
{
	static const uint64_t steps[] = {105,  70,  140, 105, 110, 70,	70,  105, 140,
					 3000, 105, 105, 105, 105, 105, 105, 105, 105};
	struct ms_window w;
	uint64_t tenth = 0;
	A_SAMPLE got;

	ms_window_init(&w, MINUTE);
	for (size_t i = 0; i < MS_ARRAY_LEN(steps); i++) {
		A_SAMPLE now = {.usec = START + tenth * SECOND / 10, .count = tenth};
		bool whole = ms_window_look(&w, &now, &got);

		CHECK_EQ(whole, tenth >= 600);
		if (whole) {
			CHECK(got.usec >= MINUTE);
			CHECK_EQ(got.count, got.usec * 10 / SECOND);
			/* only the very late look makes it longer than two steps more */
			if (steps[i - 1] != 3000 && i < 10)
				CHECK(got.usec <= MINUTE + 28 * SECOND);
		}
		tenth += steps[i];
	}
	CHECK(got.usec <= MINUTE + 21 * SECOND); /* and that is over after another window */
}

TEST(counters_that_go_back_begin_anew)
{
	struct ms_window w;
	A_SAMPLE got;

	ms_window_init(&w, MINUTE);
	CHECK(!look(&w, 0, 500, &got));
	CHECK(look(&w, 60, 600, &got));
	CHECK(!look(&w, 70, 5, &got)); /* another group's */
	CHECK(!look(&w, 120, 6, &got));
	CHECK(look(&w, 130, 7, &got));
	CHECK_EQ(got.count, 2);
	CHECK(!look(&w, 90, 8, &got)); /* a clock that jumps is no reason to wrap around */
	CHECK(look(&w, 150, 9, &got));
	CHECK_EQ(got.count, 1);
}

TEST(pace)
{
	struct ms_pace p = {.interval_usec = SECOND};

	CHECK(ms_pace_due(&p, 0)); /* the first at once */
	ms_pace_tell(&p, 0);
	CHECK(!ms_pace_due(&p, 0));
	CHECK(!ms_pace_due(&p, SECOND - 1));
	CHECK(ms_pace_due(&p, SECOND));
	ms_pace_tell(&p, 5 * SECOND);
	CHECK(!ms_pace_due(&p, 5 * SECOND + 1));
	CHECK(ms_pace_due(&p, 4 * SECOND)); /* a clock that went back silences nobody */
}
