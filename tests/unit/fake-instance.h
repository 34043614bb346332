/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-instance.h - instance.c's interface with nothing behind it, for tests of the control socket:
 * what was asked is remembered, and the test says when it is answered.
 */
#ifndef MS_TESTS_UNIT_FAKE_INSTANCE_H
#define MS_TESTS_UNIT_FAKE_INSTANCE_H

#include "supervisor/daemon/instance.h"

#define FAKE_MAX 256

struct fake_wait {
	ms_start_fn start;
	ms_view_fn view;
	void *data;
};

struct fake {
	struct ms_start_request last; /* strings copied */
	char path[256], manifest[256], tenant[64], label[64];
	char emergency[64];
	uint32_t n_started;
	struct fake_wait waits[FAKE_MAX];
	uint32_t n_waits;
	uint32_t n_instances; /* that list and find know: ids "00000001" ... */
	uint32_t n_owners_forgotten, n_data_forgotten;
	const void *owner_forgotten;
	int log_dir;	    /* of every instance's log; 0: there is none */
	const char *step;   /* of every start that waits */
	const char *status; /* of every instance, however long */
	int refuse_start;   /* positive errno: ms_instance_start() fails with host-full */
};

extern struct fake fake;
void fake_reset(void);
/* fake_answer - the first waiting callback, with the view of instance 1. */
void fake_answer(const struct ms_error *error, int *fds, uint32_t n_fds);

#endif
