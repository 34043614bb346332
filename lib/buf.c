/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * buf.c - the capped buffer. Growth doubles up to the cap; the first failure sticks and later calls
 * do nothing.
 */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"

void ms_buf_done(struct ms_buf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
}

/* Room for @len more bytes and the NUL, or the sticky error. */
static bool reserve(struct ms_buf *buf, size_t len)
{
	size_t want, cap;
	char *data;

	if (buf->error)
		return false;
	if (len > buf->max || buf->len > buf->max - len) {
		buf->error = -E2BIG;
		return false;
	}
	want = buf->len + len + 1;
	if (want <= buf->cap)
		return true;
	cap = buf->cap ? buf->cap * 2 : 256;
	if (cap < want)
		cap = want;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->error = -ENOMEM;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void ms_buf_add(struct ms_buf *buf, const void *data, size_t len)
{
	if (!reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void ms_buf_adds(struct ms_buf *buf, const char *text)
{
	ms_buf_add(buf, text, strlen(text));
}

void ms_buf_addf(struct ms_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (buf->error)
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		buf->error = -EINVAL;
		return;
	}
	if (!reserve(buf, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap); /* measured just above */
	va_end(ap);
	buf->len += (size_t)n;
}

/* Code points that a terminal acts on or that reorder what a reader sees. */
static bool is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

void ms_buf_escape(struct ms_buf *buf, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint32_t cp = 0;
		size_t n = ms_utf8_decode(data + i, len - i, &cp);

		if (n > 0 && !is_unsafe(cp) && cp != '\\') {
			ms_buf_add(buf, data + i, n);
			i += n;
			continue;
		}
		for (size_t end = i + (n ? n : 1); i < end; i++)
			ms_buf_addf(buf, "\\x%02x", (unsigned char)data[i]);
	}
}

void ms_buf_drop_front(struct ms_buf *buf, size_t len)
{
	ms_assert(len <= buf->len);
	buf->len -= len;
	if (buf->data) {
		memmove(buf->data, buf->data + len, buf->len);
		buf->data[buf->len] = '\0';
	}
}

char *ms_buf_take(struct ms_buf *buf, size_t *ret_len)
{
	if (buf->error)
		return NULL;
	if (!reserve(buf, 0))
		return NULL;
	buf->data[buf->len] = '\0';
	if (ret_len)
		*ret_len = buf->len;
	buf->len = 0;
	buf->cap = 0;
	return MS_TAKE_PTR(buf->data);
}
