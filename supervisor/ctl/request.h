/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request.h - what start and run ask alike: paths, texts and labels into the params of
 * instance.start, and the answer as people read it.
 */
#ifndef MS_CTL_REQUEST_H
#define MS_CTL_REQUEST_H

#include "lib/base.h"
#include "policy/json.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"

/* ms_request_path - @path made absolute, as the member @key. 0, or -errno with @err. */
MS_MUST_CHECK int ms_request_path(struct ms_jw *jw, const char *key, const char *path,
				  struct ms_error *err);
/* ms_request_text - a member, unless @text is NULL. */
void ms_request_text(struct ms_jw *jw, const char *key, const char *text);
/* ms_request_labels - "k=v" words as the member "labels", nothing for none. 0, or -errno with @err.
 */
MS_MUST_CHECK int ms_request_labels(struct ms_jw *jw, const struct ms_option_list *labels,
				    struct ms_error *err);
/* ms_request_duration - microseconds as the text that the protocol takes. */
void ms_request_duration(struct ms_jw *jw, const char *key, uint64_t usec);

struct ms_each_targets;

/* ms_request_operands - the words of the command line, or --all (@all) in their place. False: all
 * is said, end with *ret_exit. */
MS_MUST_CHECK bool ms_request_operands(struct ms_ctl *ctl, const struct ms_args *args, bool all,
				       struct ms_each_targets *ret, int *ret_exit);
/* ms_request_wait - a --timeout as milliseconds to wait for an answer. As above. */
MS_MUST_CHECK bool ms_request_wait(struct ms_ctl *ctl, uint64_t usec, int *ret_ms, int *ret_exit);

/* ms_request_instance - an instance as an answer tells it: id and state, sockets, narrowings,
 * layers it runs without. */
void ms_request_instance(const struct ms_json *instance, struct ms_buf *out);
/* ms_request_sockets - the sockets it serves, a line each. */
void ms_request_sockets(const struct ms_json *instance, struct ms_buf *out);
/* ms_request_less - only what it does not get: narrowings, and layers it runs without. Nothing for
 * none. */
void ms_request_less(const struct ms_json *instance, struct ms_buf *out);

#endif
