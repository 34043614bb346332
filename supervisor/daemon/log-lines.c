/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-lines.c - see log-lines.h. What a module wrote goes into the JSON as it is, escaped by the
 * writer; nobody here looks for meaning in it. Called by method-logs.c and log-follow.c.
 */
#include "supervisor/daemon/log-lines.h"

#include "supervisor/daemon/event.h"
#include "supervisor/daemon/logread.h"

#define MEMBERS_BYTES 96u /* of a line beside its text */
/* No log of ours has more; one that is written while it is read, or by a liar, is left there. */
#define MAX_RECORDS (2u * MS_MAX_LOG_BYTES / MS_LOGREC_HEAD_BYTES)

/** ms_loglines_wanted() - Return: whether @rec passes @filter. */
bool ms_loglines_wanted(const struct ms_log_filter *filter, const struct ms_logrec *rec)
{
	if (rec->usec < filter->since_usec)
		return false;
	return !filter->one_source || rec->source == filter->source ||
	       rec->source == MS_LOGREC_NOTE;
}

/* At most what its JSON takes: invalid UTF-8 is told as \\xHH. */
static uint64_t json_bytes(const struct ms_logrec *rec)
{
	uint64_t n = MEMBERS_BYTES;

	for (size_t i = 0; i < rec->text.len; i++) {
		uint8_t byte = (uint8_t)rec->text.p[i];

		if (byte < 0x20)
			n += 6;
		else if (byte >= 0x7f)
			n += 5;
		else
			n += byte == '"' || byte == '\\' ? 2 : 1;
	}
	return n;
}

/* The next wanted line; false at the end of what there is, or of what is looked at. */
static bool next_wanted(struct ms_logread *read, const struct ms_log_filter *filter, uint64_t *left,
			struct ms_logrec *ret)
{
	while (*left > 0) {
		int r = ms_logread_next(read, ret);

		--*left;
		if (r < 0 || r == MS_LOGREAD_NOTHING)
			return false;
		if (r == 0 && ms_loglines_wanted(filter, ret))
			return true;
	}
	return false;
}

/**
 * ms_loglines_skip() - where to begin so that only the last lines are told.
 * @read: used for it
 * @fds: the log
 * @lines: at most so many
 * Return: how many wanted lines to leave out.
 */
uint64_t ms_loglines_skip(struct ms_logread *read, const int fds[static 2],
			  const struct ms_log_filter *filter, uint64_t lines)
{
	uint64_t all = 0, left = MAX_RECORDS;
	struct ms_logrec rec;

	ms_logread_init(read, fds);
	while (next_wanted(read, filter, &left, &rec))
		all++;
	return all > lines ? all - lines : 0;
}

/**
 * ms_loglines_cut() - how many of the oldest lines do not fit into an answer.
 * @read: used for it
 * @fds: the log
 * @skip: wanted lines that are left out anyway
 * @max_bytes: for the rest
 * Return: how many more to leave out.
 */
uint64_t ms_loglines_cut(struct ms_logread *read, const int fds[static 2],
			 const struct ms_log_filter *filter, uint64_t skip, uint64_t max_bytes)
{
	uint64_t left = MAX_RECORDS, seen = 0, bytes = 0, cut = 0;
	struct ms_logrec rec;

	ms_logread_init(read, fds);
	while (next_wanted(read, filter, &left, &rec))
		if (seen++ >= skip)
			bytes += json_bytes(&rec);
	left = bytes > max_bytes ? MAX_RECORDS : 0;
	seen = 0;
	ms_logread_init(read, fds);
	while (bytes > max_bytes && next_wanted(read, filter, &left, &rec)) {
		if (seen++ < skip)
			continue;
		bytes -= MS_MIN(bytes, json_bytes(&rec));
		cut++;
	}
	return cut;
}

/** ms_loglines_members() - a line as members of the object that is open in @jw. */
void ms_loglines_members(struct ms_jw *jw, const struct ms_logrec *rec)
{
	char time[MS_EVENT_TIME_BYTES];

	ms_jw_text(jw, "time", ms_event_time(rec->usec, time));
	ms_jw_text(jw, "source", ms_logrec_word(rec->source));
	ms_jw_str(jw, "text", rec->text);
	if (rec->partial)
		ms_jw_bool(jw, "partial", true);
}
