/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-restart.c - what follows an end: the wish decides, waits grow and are bounded, jitter stays
 * within its quarter, and the window counts what it should, whatever the numbers are.
 */
#include "supervisor/daemon/restart.h"

#include "tests/unit/test.h"

#define SEC UINT64_C(1000000)

static const struct ms_restart_rules rules = {.when = MS_RESTART_ON_FAILURE,
					      .delay_usec = SEC / 5,
					      .max_delay_usec = 60 * SEC,
					      .window_usec = 600 * SEC,
					      .limit = 10};

TEST(wish_decides)
{
	static const struct {
		enum ms_restart when;
		bool failed;
		enum ms_restart_verdict want;
	} cases[] = {
		{MS_RESTART_NEVER, true, MS_RESTART_STAY},
		{MS_RESTART_NEVER, false, MS_RESTART_STAY},
		{MS_RESTART_ON_FAILURE, true, MS_RESTART_AGAIN},
		{MS_RESTART_ON_FAILURE, false, MS_RESTART_STAY},
		{MS_RESTART_ALWAYS, true, MS_RESTART_AGAIN},
		{MS_RESTART_ALWAYS, false, MS_RESTART_AGAIN},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		struct ms_restart_rules r = rules;
		struct ms_restart_history none = {0};
		uint64_t delay = 0;

		r.when = cases[i].when;
		CHECK_EQ(ms_restart_decide(&r, &none, cases[i].failed, 1, SEC, 0, &delay),
			 cases[i].want);
	}
}

TEST(waits_double_up_to_the_longest)
{
	const struct ms_restart_history none = {0};
	uint64_t step = rules.delay_usec;

	for (uint32_t failures = 0; failures < 4000; failures += failures < 20 ? 1 : 997) {
		static const uint32_t randoms[] = {0, 1, UINT32_MAX / 2, UINT32_MAX};

		if (failures > 1)
			step = MS_MIN(step * 2, rules.max_delay_usec);
		for (size_t i = 0; i < MS_ARRAY_LEN(randoms); i++) {
			uint64_t delay = 0;

			CHECK_EQ(ms_restart_decide(&rules, &none, true, failures, SEC, randoms[i],
						   &delay),
				 MS_RESTART_AGAIN);
			CHECK(delay >= step - step / 4 && delay <= step + step / 4);
		}
	}
}

TEST(jitter_spreads)
{
	const struct ms_restart_history none = {0};
	uint64_t low = 0, high = 0;

	CHECK_EQ(ms_restart_decide(&rules, &none, true, 1, SEC, 0, &low), MS_RESTART_AGAIN);
	CHECK_EQ(ms_restart_decide(&rules, &none, true, 1, SEC, UINT32_MAX, &high),
		 MS_RESTART_AGAIN);
	CHECK_EQ(low, rules.delay_usec * 3 / 4);
	CHECK_EQ(high, rules.delay_usec * 5 / 4);
}

TEST(starts_in_the_window_count)
{
	struct ms_restart_history history = {0};
	uint64_t now = 1000 * SEC, delay;

	for (uint32_t i = 0; i < rules.limit; i++) {
		CHECK_EQ(ms_restart_decide(&rules, &history, true, i + 1, now, 0, &delay),
			 MS_RESTART_AGAIN);
		ms_restart_note(&history, now);
		now += SEC;
	}
	CHECK_EQ(ms_restart_decide(&rules, &history, true, 11, now, 0, &delay), MS_RESTART_GIVE_UP);
	/* the first leaves the window: one more may follow */
	now = 1600 * SEC;
	CHECK_EQ(ms_restart_decide(&rules, &history, true, 11, now, 0, &delay), MS_RESTART_AGAIN);
	now--;
	CHECK_EQ(ms_restart_decide(&rules, &history, true, 11, now, 0, &delay), MS_RESTART_GIVE_UP);
}

TEST(history_is_a_ring)
{
	struct ms_restart_history history = {0};
	struct ms_restart_rules r = rules;
	uint64_t now = 10000 * SEC, delay;

	r.limit = MS_RESTART_HISTORY;
	for (uint32_t i = 0; i < 10 * MS_RESTART_HISTORY + 7; i++)
		ms_restart_note(&history, now);
	CHECK_EQ(ms_restart_decide(&r, &history, true, 1, now, 0, &delay), MS_RESTART_GIVE_UP);
	CHECK_EQ(ms_restart_decide(&r, &history, true, 1, now + r.window_usec, 0, &delay),
		 MS_RESTART_AGAIN);
}

TEST(without_a_limit_it_goes_on)
{
	struct ms_restart_history history = {0};
	struct ms_restart_rules r = rules;
	uint64_t delay;

	r.limit = 0;
	for (uint32_t i = 0; i < 1000; i++)
		ms_restart_note(&history, SEC);
	CHECK_EQ(ms_restart_decide(&r, &history, true, 1000, SEC, 0, &delay), MS_RESTART_AGAIN);
}
