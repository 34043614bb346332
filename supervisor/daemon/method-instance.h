/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method-instance.h - which instance a request is about, and an instance as JSON: what the methods
 * about one have in common.
 */
#ifndef MS_DAEMON_METHOD_INSTANCE_H
#define MS_DAEMON_METHOD_INSTANCE_H

#include "policy/json.h"
#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/rpc.h"

/* The first rows of the table of every method that is about one instance: "instance", "module",
 * "tenant". */
enum ms_which_arg { MS_WHICH_INSTANCE, MS_WHICH_MODULE, MS_WHICH_TENANT, MS_WHICH_COUNT };

/* ms_which_find - the one that they name; NULL with @err: the parameters do not go together, or it
 * is not there for this peer. */
struct ms_instance *ms_which_find(struct ms_call *call, const struct ms_arg *args,
				  struct ms_error *err);

/* ms_view_members - the fields of docs/protocol.md, "An instance". */
void ms_view_members(const struct ms_instance_view *view, struct ms_jw *jw);

/* ms_start_answer_call - what answers a start or a restart; @data is the struct ms_call. */
void ms_start_answer_call(void *data, const struct ms_start_answer *answer);
/* ms_view_answer_call - an instance as the answer; @data is the struct ms_call. */
void ms_view_answer_call(void *data, const struct ms_instance_view *view);

/* ms_start_step - `step` of the methods that start something. In method-start.c. */
const char *ms_start_step(const struct ms_call *call, uint64_t *ret_done, uint64_t *ret_total);

#endif
