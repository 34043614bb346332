/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * buf.h - a text or byte buffer that grows up to a cap and remembers its first failure, so that a
 * caller writes freely and checks once at the end. Not for the shim (it allocates).
 */
#ifndef MS_LIB_BUF_H
#define MS_LIB_BUF_H

#include "lib/base.h"

struct ms_buf {
	char *data; /* owned; NUL after data[len] once anything was added */
	size_t len;
	size_t cap; /* allocated */
	size_t max; /* never grows past this many bytes */
	int error;  /* first failure, -ENOMEM or -E2BIG; sticky */
};

#define MS_BUF_INIT(max_bytes) ((struct ms_buf){.max = (max_bytes)})

void ms_buf_done(struct ms_buf *buf); /* NULL and half-built are fine */
static inline void ms_buf_cleanup(struct ms_buf *buf)
{
	ms_buf_done(buf);
}

void ms_buf_add(struct ms_buf *buf, const void *data, size_t len);
void ms_buf_adds(struct ms_buf *buf, const char *text);
void ms_buf_addf(struct ms_buf *buf, const char *fmt, ...) MS_PRINTF(2, 3);
/* ms_buf_escape - outside bytes made safe for a terminal or a log: control bytes, DEL, backslash
 * and invalid UTF-8 become \xHH; bidi controls and other C1 too. */
void ms_buf_escape(struct ms_buf *buf, const char *data, size_t len);
void ms_buf_drop_front(struct ms_buf *buf, size_t len); /* consumed by a reader; @len <= buf->len */
/* ms_buf_take - the text, owned by the caller (free), NUL-terminated; NULL and buf->error when
 * anything failed. */
char *ms_buf_take(struct ms_buf *buf, size_t *ret_len);

#endif
