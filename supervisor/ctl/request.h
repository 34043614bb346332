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

/* ms_request_instance - an instance as an answer tells it: id and state, sockets, narrowings,
 * layers it runs without. */
void ms_request_instance(const struct ms_json *instance, struct ms_buf *out);
/* ms_request_less - only what it does not get: narrowings, and layers it runs without. Nothing for
 * none. */
void ms_request_less(const struct ms_json *instance, struct ms_buf *out);

#endif
