/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.h - bytes from one descriptor to another through a bounded buffer, driven by poll(2). Ends
 * are passed on: when the input ended and all was written, the output is closed; when the output is
 * gone, so is the input.
 *
 *	in -> [ buffer ] -> out
 */
#ifndef MS_CTL_FLOW_H
#define MS_CTL_FLOW_H

#include <poll.h>

#include "lib/base.h"

#define MS_FLOW_BYTES 65536u

struct ms_flow {
	int in, out;		/* -1 once ended */
	bool owns_in, owns_out; /* else borrowed: the caller's own stdin, stdout, stderr */
	char buf[MS_FLOW_BYTES];
	size_t start, end;
	bool broken; /* the output was gone before the input ended */
	int error;   /* errno of a write that lost bytes; a reader that left is none */
};

/* ms_flow_init - descriptors that are owned are closed at their ends, and by done. */
void ms_flow_init(struct ms_flow *flow, int in, bool owns_in, int out, bool owns_out);
void ms_flow_done(struct ms_flow *flow);

/* ms_flow_ended - nothing is left to do. */
bool ms_flow_ended(const struct ms_flow *flow);
/* ms_flow_waits_for_out - there are bytes that the output does not take. */
bool ms_flow_waits_for_out(const struct ms_flow *flow);
/* ms_flow_want - what to poll for; an end that is not wanted now gets descriptor -1. */
void ms_flow_want(const struct ms_flow *flow, struct pollfd *ret_in, struct pollfd *ret_out);
/* ms_flow_turn - after poll: read and write what is possible. True when anything moved or ended. */
bool ms_flow_turn(struct ms_flow *flow, short in_events, short out_events);
/* ms_flow_end_in - as if the input had ended: what is buffered is still written. */
void ms_flow_end_in(struct ms_flow *flow);

#endif
