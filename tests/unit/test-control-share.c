/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-control-share.c - who has had more than its share of the daemon's time, and for how long.
 */
#include "supervisor/daemon/control-share.h"

#include "tests/unit/test.h"

#define MSEC 1000u
#define SEC  1000000u

TEST(a_burst_is_free_and_more_is_not)
{
	struct ms_shares shares = {0};

	CHECK(!ms_share_is_over(&shares, 7, SEC));
	ms_share_charge(&shares, 7, SEC, 10 * MSEC);
	CHECK(!ms_share_is_over(&shares, 7, SEC));
	ms_share_charge(&shares, 7, SEC, 1);
	CHECK(ms_share_is_over(&shares, 7, SEC));
	CHECK(!ms_share_is_over(&shares, 8, SEC));
}

TEST(time_forgives)
{
	struct ms_shares shares = {0};

	ms_share_charge(&shares, 7, SEC, 50 * MSEC);
	CHECK(ms_share_is_over(&shares, 7, SEC + 600 * MSEC));
	CHECK(!ms_share_is_over(&shares, 7, SEC + 641 * MSEC));
	/* no more is kept than what a little time forgives, whatever was used */
	ms_share_charge(&shares, 7, 2 * SEC, UINT64_MAX);
	ms_share_charge(&shares, 7, 2 * SEC, UINT64_MAX);
	CHECK(ms_share_is_over(&shares, 7, 3 * SEC));
	CHECK(!ms_share_is_over(&shares, 7, 4 * SEC));
	CHECK(ms_share_is_over(&shares, 7, SEC)); /* a clock that is behind forgives nothing */
}

TEST(a_little_all_the_time_is_fine)
{
	struct ms_shares shares = {0};
	uint64_t now = SEC;

	for (unsigned i = 0; i < 10000; i++, now += 20 * MSEC) {
		ms_share_charge(&shares, 7, now, MSEC);
		CHECK(!ms_share_is_over(&shares, 7, now));
	}
	for (unsigned i = 0; i < 100; i++, now += 20 * MSEC)
		ms_share_charge(&shares, 7, now, 2 * MSEC);
	CHECK(ms_share_is_over(&shares, 7, now));
}

TEST(there_is_a_place_for_everybody_who_matters)
{
	struct ms_shares shares = {0};

	ms_share_charge(&shares, 1, SEC, 90 * MSEC);
	for (uid_t uid = 2; uid < 10 * MS_MAX_PEERS; uid++)
		ms_share_charge(&shares, uid, SEC, MSEC);
	CHECK(ms_share_is_over(&shares, 1, SEC));
	CHECK(!ms_share_is_over(&shares, 2, SEC));
}
