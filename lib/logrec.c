/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logrec.c - see logrec.h. There is no looking for the next record behind a bad one: what stands
 * there may be a module's own text that looks like one.
 */
#include "lib/logrec.h"

#include "lib/wire.h"

#define MAGIC	     0x676f6c1eu /* no text begins with 0x1e */
#define FLAG_PARTIAL 1u
#define LATEST_USEC  253402300799999999u /* the end of the year 9999: what RFC 3339 can say */

/**
 * ms_logrec_encode() - write one record.
 * @buf: room for its head and its text
 * @rec: in range
 * Return: how many bytes.
 */
size_t ms_logrec_encode(uint8_t *buf, const struct ms_logrec *rec)
{
	bool header = rec->source == MS_LOGREC_HEADER;
	size_t text_len = header ? sizeof(rec->generation) : rec->text.len;
	struct ms_wr wr = ms_wr_init(buf, MS_LOGREC_HEAD_BYTES + text_len);

	ms_assert(rec->source < MS_LOGREC_SOURCES && text_len <= MS_MAX_LOG_TEXT_BYTES);
	ms_wr_u32(&wr, MAGIC);
	ms_wr_u8(&wr, (uint8_t)rec->source);
	ms_wr_u8(&wr, rec->partial ? FLAG_PARTIAL : 0);
	ms_wr_u16(&wr, (uint16_t)text_len);
	ms_wr_u64(&wr, rec->usec);
	if (header)
		ms_wr_u64(&wr, rec->generation);
	else
		ms_wr_bytes(&wr, rec->text.p, text_len);
	ms_assert(!wr.full);
	return wr.len;
}

/* A HEADER has one form; what is no number from 1 cannot be compared. */
static bool read_header(struct ms_logrec *rec)
{
	struct ms_rd rd = ms_rd_init(rec->text.p, rec->text.len);

	rec->generation = ms_rd_u64(&rd);
	return ms_rd_done(&rd) && rec->generation > 0 && !rec->partial;
}

/**
 * ms_logrec_decode() - read one record out of bytes that anybody may have made.
 * @data: @len bytes
 * @ret: filled on 0; its text borrows from @data
 * @ret_len: how many bytes it took, on 0
 * Return: 0 or an ms_logrec_result.
 */
int ms_logrec_decode(const void *data, size_t len, struct ms_logrec *ret, size_t *ret_len)
{
	struct ms_rd rd = ms_rd_init(data, len);
	struct ms_logrec rec = {.source = MS_LOGREC_STDOUT};
	uint8_t source, flags;
	size_t text_len;

	if (len < MS_LOGREC_HEAD_BYTES)
		return MS_LOGREC_SHORT;
	if (ms_rd_u32(&rd) != MAGIC)
		return MS_LOGREC_BAD;
	source = ms_rd_u8(&rd);
	flags = ms_rd_u8(&rd);
	text_len = ms_rd_u16(&rd);
	rec.usec = ms_rd_u64(&rd);
	if (source >= MS_LOGREC_SOURCES || (flags & ~FLAG_PARTIAL) ||
	    text_len > MS_MAX_LOG_TEXT_BYTES || rec.usec > LATEST_USEC)
		return MS_LOGREC_BAD;
	if (len - MS_LOGREC_HEAD_BYTES < text_len)
		return MS_LOGREC_SHORT;
	rec.source = (enum ms_logrec_source)source;
	rec.partial = flags & FLAG_PARTIAL;
	rec.text = (struct ms_str){.p = (const char *)ms_rd_bytes(&rd, text_len), .len = text_len};
	if (rec.source == MS_LOGREC_HEADER && !read_header(&rec))
		return MS_LOGREC_BAD;
	*ret = rec;
	*ret_len = MS_LOGREC_HEAD_BYTES + text_len;
	return 0;
}

/** ms_logrec_word() - Return: what answers and people call @source. */
const char *ms_logrec_word(enum ms_logrec_source source)
{
	switch (source) {
	case MS_LOGREC_STDOUT:
		return "stdout";
	case MS_LOGREC_STDERR:
		return "stderr";
	case MS_LOGREC_NOTE:
		return "note";
	case MS_LOGREC_HEADER:
	case MS_LOGREC_SOURCES:
		break;
	}
	return "";
}
