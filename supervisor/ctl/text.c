/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.c - wrapping, alignment, times. A character is counted as one column: names and paths of
 * double width come out of line, never unsafe.
 */
#include "supervisor/ctl/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "modsup/limits.h"

#define CELL_BYTES  4096u
#define GAP	    2u /* between columns */
#define NOTE_INDENT 4u
#define NOTE_WIDTH  79u
#define NARROWEST   10u /* a column is not cut below this */

size_t ms_text_columns(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

size_t ms_text_bytes(const char *text, size_t columns)
{
	size_t i = 0;

	while (text[i] && (((unsigned char)text[i] & 0xc0) == 0x80 || columns-- > 0))
		i++;
	return i;
}

void ms_text_wrap(struct ms_buf *out, const char *text, size_t at, size_t indent, size_t width)
{
	bool first = true; /* on its line */

	while (*text) {
		size_t len = strcspn(text, " \n"), columns = ms_text_columns(text, len);

		if (!first && at + 1 + columns > width) {
			ms_buf_adds(out, "\n");
			at = 0;
			first = true;
		}
		if (len > 0) {
			size_t pad = first ? (at < indent ? indent - at : 0) : 1;

			ms_buf_addf(out, "%*s%.*s", (int)pad, "", (int)len, text);
			at += pad + columns;
			first = false;
		}
		text += len;
		if (*text == '\n') {
			ms_buf_adds(out, "\n");
			at = 0;
			first = true;
		}
		text += *text != '\0';
	}
	if (!first)
		ms_buf_adds(out, "\n");
}

void ms_text_age(uint64_t seconds, char out[static MS_TEXT_AGE_BYTES])
{
	unsigned long long s = seconds, m = s / 60, h = m / 60, d = h / 24;

	if (m == 0)
		(void)snprintf(out, MS_TEXT_AGE_BYTES, "%llus", s);
	else if (h == 0)
		(void)snprintf(out, MS_TEXT_AGE_BYTES, "%llum%02llus", m, s % 60);
	else if (d == 0)
		(void)snprintf(out, MS_TEXT_AGE_BYTES, "%lluh%02llum", h, m % 60);
	else
		(void)snprintf(out, MS_TEXT_AGE_BYTES, "%llud%02lluh", d, h % 24);
}

/* @n digits at @p; false when there is another character among them. */
static bool digits(const char *p, size_t n, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		value = value * 10 + (p[i] - '0');
	}
	*ret = value;
	return true;
}

bool ms_text_time(struct ms_str text, int64_t *ret)
{
	struct tm tm = {0};
	const char *p = text.p;

	if (text.len < 20 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
	    p[16] != ':' || p[text.len - 1] != 'Z')
		return false;
	if (!digits(p, 4, &tm.tm_year) || !digits(p + 5, 2, &tm.tm_mon) ||
	    !digits(p + 8, 2, &tm.tm_mday) || !digits(p + 11, 2, &tm.tm_hour) ||
	    !digits(p + 14, 2, &tm.tm_min) || !digits(p + 17, 2, &tm.tm_sec))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret = timegm(&tm);
	return true;
}

void ms_table_done(struct ms_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n_cells = table->cap = 0;
}

static void add_cell(struct ms_table *table, struct ms_buf *text)
{
	char *cell = table->error ? NULL : ms_buf_take(text, NULL);

	if (!cell) {
		ms_buf_done(text);
		table->error = table->error ? table->error : -ENOMEM;
		return;
	}
	if (table->n_cells == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 64;
		char **cells = reallocarray(table->cells, cap, sizeof(*cells));

		if (!cells) {
			table->error = -ENOMEM;
			free(cell);
			return;
		}
		table->cells = cells;
		table->cap = cap;
	}
	table->cells[table->n_cells++] = cell;
}

void ms_table_add(struct ms_table *table, struct ms_str text)
{
	struct ms_buf cell = MS_BUF_INIT(CELL_BYTES);

	ms_buf_escape(&cell, text.p, text.len);
	add_cell(table, &cell);
}

void ms_table_addf(struct ms_table *table, const char *fmt, ...)
{
	struct ms_buf cell = MS_BUF_INIT(CELL_BYTES);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* figures and words of ours: they fit */
	va_end(ap);
	ms_buf_adds(&cell, text);
	add_cell(table, &cell);
}

void ms_table_drop(struct ms_table *table, size_t row)
{
	size_t stride = table->n_columns + table->notes, at = row * stride;

	if (table->error || at + stride > table->n_cells)
		return;
	for (size_t i = at; i < at + stride; i++)
		free(table->cells[i]);
	table->n_cells -= stride;
	memmove(table->cells + at, table->cells + at + stride,
		(table->n_cells - at) * sizeof(*table->cells));
}

/* Cut what may be cut, the widest first, until a row fits. */
static void fit(size_t *widths, uint32_t n, size_t width, uint32_t shrink)
{
	for (;;) {
		size_t total = 0;
		uint32_t widest = n;

		for (uint32_t c = 0; c < n; c++) {
			total += widths[c] + (c ? GAP : 0);
			if ((shrink & (1u << c)) && widths[c] > NARROWEST &&
			    (widest == n || widths[c] > widths[widest]))
				widest = c;
		}
		if (width == 0 || total <= width || widest == n)
			return;
		widths[widest]--;
	}
}

static void print_row(const struct ms_table *table, const char *const *cells, const size_t *widths,
		      struct ms_buf *out)
{
	for (uint32_t c = 0; c < table->n_columns; c++) {
		size_t columns = ms_text_columns(cells[c], strlen(cells[c]));
		bool cut = columns > widths[c], last = c + 1 == table->n_columns;
		size_t len = cut ? ms_text_bytes(cells[c], widths[c] - 1) : strlen(cells[c]);
		int pad = cut ? 0 : (int)(widths[c] - columns);
		bool right = table->right & (1u << c);

		ms_buf_addf(out, "%*s%.*s%s", right ? pad : 0, "", (int)len, cells[c],
			    cut ? "~" : "");
		if (!last)
			ms_buf_addf(out, "%*s", (right ? 0 : pad) + (int)GAP, "");
	}
	ms_buf_adds(out, "\n");
}

static void measure(const struct ms_table *table, uint32_t stride, size_t *widths)
{
	for (uint32_t c = 0; c < table->n_columns; c++)
		widths[c] = strlen(table->titles[c]);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t columns = ms_text_columns(table->cells[i], strlen(table->cells[i]));
		uint32_t c = (uint32_t)(i % stride);

		if (c < table->n_columns && columns > widths[c])
			widths[c] = columns;
	}
}

void ms_table_print(struct ms_table *table, size_t width, uint32_t shrink, struct ms_buf *out)
{
	size_t widths[MS_TABLE_MAX_COLUMNS] = {0};
	uint32_t n = table->n_columns, stride = n + table->notes;

	ms_assert(n > 0 && n <= MS_TABLE_MAX_COLUMNS);
	if (table->error || table->n_cells % stride != 0) {
		out->error = table->error ? table->error : -EINVAL;
		return;
	}
	measure(table, stride, widths);
	fit(widths, n, width, shrink);
	print_row(table, table->titles, widths, out);
	for (size_t i = 0; i < table->n_cells; i += stride) {
		print_row(table, (const char *const *)table->cells + i, widths, out);
		if (table->notes)
			ms_text_wrap(out, table->cells[i + n], 0, NOTE_INDENT,
				     width ? width - 1 : NOTE_WIDTH);
	}
}
