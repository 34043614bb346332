/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-share.c - see control-share.h. A sixteenth of the time that passes is forgiven, so who
 * uses less than that for long is never over; a burst is free; and nobody is held to account for
 * longer than it takes to forgive MOST_USEC.
 */
#include "supervisor/daemon/control-share.h"

#define FREE_USEC  10000u  /* of a burst */
#define MOST_USEC  100000u /* kept of what was used: forgiven within two seconds */
#define FORGIVE_OF 16u

static uint64_t spent(const struct ms_share *share, uint64_t now_usec)
{
	uint64_t passed = now_usec > share->at_usec ? now_usec - share->at_usec : 0;

	return share->spent_usec - MS_MIN(share->spent_usec, passed / FORGIVE_OF);
}

static size_t place_of(const struct ms_shares *shares, uid_t uid)
{
	size_t i = 0;

	while (i < MS_ARRAY_LEN(shares->of) && !(shares->of[i].at_usec && shares->of[i].uid == uid))
		i++;
	return i;
}

/* A new user's place: a free one, or that of who has been forgiven most. */
static size_t place_for(const struct ms_shares *shares, uint64_t now_usec)
{
	size_t best = 0;

	for (size_t i = 0; i < MS_ARRAY_LEN(shares->of); i++) {
		if (!shares->of[i].at_usec)
			return i;
		if (spent(&shares->of[i], now_usec) < spent(&shares->of[best], now_usec))
			best = i;
	}
	return best;
}

/**
 * ms_share_charge() - note what a user's turn took.
 * @shares: of the socket
 * @uid: whose turn it was
 * @now_usec: when it ended, not 0
 * @usec: how long it was
 */
void ms_share_charge(struct ms_shares *shares, uid_t uid, uint64_t now_usec, uint64_t usec)
{
	size_t i = place_of(shares, uid);
	uint64_t before = 0, more = MS_MIN(usec, MOST_USEC);

	if (i < MS_ARRAY_LEN(shares->of))
		before = spent(&shares->of[i], now_usec);
	else
		i = place_for(shares, now_usec);
	more = MS_MIN(before + more, MOST_USEC);
	shares->of[i] = (struct ms_share){.uid = uid, .spent_usec = more, .at_usec = now_usec};
}

/**
 * ms_share_is_over() - whether a user is to wait for the others.
 * @shares: of the socket
 * @uid: the user
 * @now_usec: the time
 * Return: true when it has had more than its share of late.
 */
bool ms_share_is_over(const struct ms_shares *shares, uid_t uid, uint64_t now_usec)
{
	size_t i = place_of(shares, uid);

	return i < MS_ARRAY_LEN(shares->of) && spent(&shares->of[i], now_usec) > FREE_USEC;
}
