/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.c - the moving of bytes. The caller's own descriptors stay as they are (they may be shared
 * with a shell): never made non-blocking, so at most PIPE_BUF bytes are written after a poll that
 * said "writable", which a pipe or terminal then takes at once.
 */
#include "supervisor/ctl/flow.h"

#include <limits.h>
#include <string.h>

void ms_flow_init(struct ms_flow *flow, int in, bool owns_in, int out, bool owns_out)
{
	flow->in = in;
	flow->owns_in = owns_in;
	flow->out = out;
	flow->owns_out = owns_out;
	flow->start = flow->end = 0;
	flow->broken = false;
	flow->error = 0;
}

void ms_flow_end_in(struct ms_flow *flow)
{
	if (flow->in >= 0 && flow->owns_in)
		(void)ms_fd_close(flow->in); /* the field is set below */
	flow->in = -1;
	if (flow->start == flow->end && flow->out >= 0) {
		if (flow->owns_out)
			(void)ms_fd_close(flow->out); /* the field is set below */
		flow->out = -1;
	}
}

/* The output takes nothing any more: what is buffered is lost, and the input's writer shall know.
 */
static void end_out(struct ms_flow *flow)
{
	flow->broken = flow->in >= 0 || flow->start != flow->end;
	flow->start = flow->end = 0;
	ms_flow_end_in(flow);
}

void ms_flow_done(struct ms_flow *flow)
{
	flow->start = flow->end = 0;
	ms_flow_end_in(flow);
}

bool ms_flow_ended(const struct ms_flow *flow)
{
	return flow->in < 0 && flow->out < 0;
}

bool ms_flow_waits_for_out(const struct ms_flow *flow)
{
	return flow->start != flow->end;
}

void ms_flow_want(const struct ms_flow *flow, struct pollfd *ret_in, struct pollfd *ret_out)
{
	bool room = flow->end - flow->start < sizeof(flow->buf);

	*ret_in = (struct pollfd){.fd = room ? flow->in : -1, .events = POLLIN};
	/* Also without bytes: a reader that goes away is seen as POLLERR, and then the writer is
	 * told, as in a pipeline. */
	*ret_out =
		(struct pollfd){.fd = flow->out, .events = flow->start != flow->end ? POLLOUT : 0};
}

static bool turn_in(struct ms_flow *flow)
{
	ssize_t n;

	if (flow->start > 0) {
		memmove(flow->buf, flow->buf + flow->start, flow->end - flow->start);
		flow->end -= flow->start;
		flow->start = 0;
	}
	if (flow->end == sizeof(flow->buf))
		return false;
	n = read(flow->in, flow->buf + flow->end, sizeof(flow->buf) - flow->end);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		flow->end += (size_t)n;
	else /* the end, or EIO of a terminal whose other side is gone, or a closed descriptor */
		ms_flow_end_in(flow);
	return true;
}

static bool turn_out(struct ms_flow *flow)
{
	size_t len = flow->end - flow->start;
	ssize_t n;

	n = write(flow->out, flow->buf + flow->start, MS_MIN(len, (size_t)PIPE_BUF));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		flow->error = errno == EPIPE ? 0 : errno;
		end_out(flow);
		return true;
	}
	flow->start += (size_t)n;
	if (flow->start == flow->end && flow->in < 0)
		ms_flow_end_in(flow); /* all is written: pass the end on */
	return true;
}

bool ms_flow_turn(struct ms_flow *flow, short in_events, short out_events)
{
	bool moved = false;

	if (flow->in >= 0 && in_events)
		moved = turn_in(flow);
	if (flow->out >= 0 && (out_events & (POLLERR | POLLHUP | POLLNVAL))) {
		end_out(flow);
		return true;
	}
	if (flow->out >= 0 && flow->start != flow->end && (out_events & POLLOUT))
		moved = turn_out(flow) || moved;
	return moved;
}
