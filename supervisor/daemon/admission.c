/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admission.c - see admission.h.
 */
#include "supervisor/daemon/admission.h"

#include <string.h>

#include "lib/num.h"

#define MIB		 (UINT64_C(1) << 20)
#define RESERVE_LEAST	 (512 * MIB)
#define RESERVE_SHARE	 10u
#define DISK_MOST	 (1024 * MIB)
#define DISK_SHARE	 20u
#define PRESSURE_MARK	 " avg10="
#define PRESSURE_LARGEST 100u

const char *ms_admission_word(enum ms_admission_refusal refusal)
{
	switch (refusal) {
	case MS_ADMISSION_MEMORY:
		return "memory";
	case MS_ADMISSION_LIMITS:
		return "memory-limits";
	case MS_ADMISSION_PRESSURE:
		return "memory-pressure";
	case MS_ADMISSION_PROCESSES:
		return "processes";
	case MS_ADMISSION_DISK:
		return "disk";
	case MS_ADMISSION_OK:
	case MS_ADMISSION_COUNT:
		break;
	}
	return "";
}

uint64_t ms_admission_reserve(uint64_t total, uint64_t configured)
{
	uint64_t reserve = configured;

	if (!reserve)
		reserve = total / RESERVE_SHARE > RESERVE_LEAST ? total / RESERVE_SHARE
								: RESERVE_LEAST;
	return MS_MIN(reserve, total / 2);
}

uint64_t ms_admission_disk_reserve(uint64_t total, uint64_t configured)
{
	return configured ? configured : MS_MIN(total / DISK_SHARE, DISK_MOST);
}

/* @pct per cent of @value, without overflow for any value. */
static uint64_t share_of(uint64_t value, uint64_t pct)
{
	uint64_t whole = value / 100, rest = value % 100, product;

	if (__builtin_mul_overflow(whole, pct, &product) ||
	    __builtin_add_overflow(product, rest * pct / 100, &product))
		return UINT64_MAX;
	return product;
}

uint64_t ms_admission_promised(const struct ms_admission *a)
{
	return share_of(a->total - MS_MIN(a->reserve, a->total), a->overcommit_pct);
}

static bool passes_limits(const struct ms_admission *a, uint64_t wanted)
{
	uint64_t sum;

	if (!a->overcommit_pct)
		return false;
	return __builtin_add_overflow(a->sum_of_limits, wanted, &sum) ||
	       sum > ms_admission_promised(a);
}

static bool is_pressed(const struct ms_admission *a)
{
	return a->has_pressure && (a->some > MS_ADMISSION_SOME || a->full > MS_ADMISSION_FULL) &&
	       a->available < share_of(a->total, MS_ADMISSION_AVAILABLE_PCT);
}

enum ms_admission_refusal ms_admission_decide(const struct ms_admission *a, uint64_t wanted)
{
	if (a->limit && a->used > share_of(a->limit, MS_ADMISSION_MEMORY_PCT))
		return MS_ADMISSION_MEMORY;
	if (passes_limits(a, wanted))
		return MS_ADMISSION_LIMITS;
	if (is_pressed(a))
		return MS_ADMISSION_PRESSURE;
	if (a->processes_limit &&
	    a->processes > share_of(a->processes_limit, MS_ADMISSION_PROCESSES_PCT))
		return MS_ADMISSION_PROCESSES;
	if (a->disk_total && a->disk_free < a->disk_reserve)
		return MS_ADMISSION_DISK;
	return MS_ADMISSION_OK;
}

uint64_t ms_admission_fit(const struct ms_admission *a, uint64_t typical)
{
	uint64_t promised = ms_admission_promised(a);

	if (!typical || ms_admission_decide(a, typical) != MS_ADMISSION_OK ||
	    promised < a->sum_of_limits)
		return 0;
	return (promised - a->sum_of_limits) / typical;
}

/* "12.34", as the kernel writes it, in hundredths. */
static bool parse_hundredths(const char *p, size_t len, uint32_t *ret)
{
	const char *dot = memchr(p, '.', len);
	uint32_t whole, rest;

	if (!dot || (size_t)(p + len - dot) != 3 || dot[1] < '0' || dot[1] > '9' || dot[2] < '0' ||
	    dot[2] > '9' || ms_parse_u32(p, (size_t)(dot - p), 0, PRESSURE_LARGEST, &whole) < 0)
		return false;
	rest = (uint32_t)(dot[1] - '0') * 10 + (uint32_t)(dot[2] - '0');
	*ret = whole * 100 + rest;
	return true;
}

static bool find_avg10(const char *text, size_t len, const char *word, uint32_t *ret)
{
	const size_t word_len = strlen(word), mark_len = sizeof(PRESSURE_MARK) - 1;

	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) : len;

		if (line > word_len + mark_len && memcmp(text, word, word_len) == 0 &&
		    memcmp(text + word_len, PRESSURE_MARK, mark_len) == 0) {
			const char *p = text + word_len + mark_len;
			const char *end = memchr(p, ' ', (size_t)(text + line - p));

			return end && parse_hundredths(p, (size_t)(end - p), ret);
		}
		line += newline != NULL;
		text += line;
		len -= line;
	}
	return false;
}

bool ms_admission_pressure(const char *text, size_t len, uint32_t *ret_some, uint32_t *ret_full)
{
	uint32_t some, full;

	if (!find_avg10(text, len, "some", &some) || !find_avg10(text, len, "full", &full))
		return false;
	*ret_some = some;
	*ret_full = full;
	return true;
}
