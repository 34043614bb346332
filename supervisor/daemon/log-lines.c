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

struct count {
	uint64_t lines, bytes;
};

/* The wanted lines, but for the first @skip of them. */
static struct count count_lines(const int fds[static 2], const struct ms_log_filter *filter,
				uint64_t skip)
{
	ms_auto_free struct ms_logread *read = malloc(sizeof(*read));
	struct count count = {0};
	struct ms_logrec rec;
	int r = read ? 0 : -ENOMEM;

	if (read)
		ms_logread_init(read, fds);
	for (uint64_t i = 0; r != MS_LOGREAD_NOTHING && r >= 0 && i < MAX_RECORDS; i++) {
		r = ms_logread_next(read, &rec);
		if (r != 0 || !ms_loglines_wanted(filter, &rec))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		count.lines++;
		count.bytes += json_bytes(&rec);
	}
	return count;
}

/* How many of the lines after @skip have to go, too, for the rest to fit. */
static uint64_t skip_bytes(const int fds[static 2], const struct ms_log_filter *filter,
			   uint64_t skip, uint64_t excess)
{
	ms_auto_free struct ms_logread *read = malloc(sizeof(*read));
	uint64_t more = 0, gone = 0;
	struct ms_logrec rec;
	int r = read ? 0 : -ENOMEM;

	if (read)
		ms_logread_init(read, fds);
	while (r != MS_LOGREAD_NOTHING && r >= 0 && gone < excess && more < MAX_RECORDS) {
		r = ms_logread_next(read, &rec);
		if (r != 0 || !ms_loglines_wanted(filter, &rec))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		more++;
		gone += json_bytes(&rec);
	}
	return more;
}

/**
 * ms_loglines_skip() - where to begin so that only the last lines are told.
 * @fds: the log
 * @lines: at most so many
 * @max_bytes: and at most about so much, 0 for any
 * @ret_cut: lines were left out for @max_bytes; may be NULL without it
 * Return: how many wanted lines to leave out.
 */
uint64_t ms_loglines_skip(const int fds[static 2], const struct ms_log_filter *filter,
			  uint64_t lines, uint64_t max_bytes, bool *ret_cut)
{
	struct count all = count_lines(fds, filter, 0);
	uint64_t skip = all.lines > lines ? all.lines - lines : 0;

	if (!max_bytes)
		return skip;
	if (skip)
		all = count_lines(fds, filter, skip);
	*ret_cut = all.bytes > max_bytes;
	return *ret_cut ? skip + skip_bytes(fds, filter, skip, all.bytes - max_bytes) : skip;
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
