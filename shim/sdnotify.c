/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sdnotify.c - NAME=VALUE, one a line. What a service manager may be asked beyond what is here is
 * ignored in silence, as sd_notify(3) has it (MAINPID=, FDSTORE=1, BARRIER=1, X_...=): nothing a
 * module says changes who it is or what is kept for it.
 */
#include "shim/sdnotify.h"

#include <string.h>

#include "modsup/limits.h"

static bool is_text(struct ms_str s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool is_name(struct ms_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			return false;
	}
	return s.len > 0;
}

/* A text above the cap ends before the character that does not fit whole. */
static struct ms_str cut_status(struct ms_str s)
{
	size_t len = MS_MAX_STATUS_BYTES;

	if (s.len <= MS_MAX_STATUS_BYTES)
		return s;
	for (int i = 0; i < 3 && ((unsigned char)s.p[len] & 0xc0) == 0x80; i++)
		len--;
	return (struct ms_str){.p = s.p, .len = len};
}

/* Of what may only be said with 1; anything else is odd. */
static bool is_one(struct ms_str value, struct ms_sdnotify *said)
{
	if (is_text(value, "1"))
		return true;
	said->odd = true;
	return false;
}

static void assign(struct ms_sdnotify *said, struct ms_str name, struct ms_str value)
{
	if (is_text(name, "READY")) {
		said->ready |= is_one(value, said);
	} else if (is_text(name, "RELOADING")) {
		said->reloading |= is_one(value, said);
	} else if (is_text(name, "STOPPING")) {
		said->stopping |= is_one(value, said);
	} else if (is_text(name, "WATCHDOG")) {
		if (is_text(value, "trigger"))
			said->trigger = true;
		else
			said->watchdog |= is_one(value, said);
	} else if (is_text(name, "WATCHDOG_USEC")) {
		said->odd = true; /* how often is the manifest's to say */
	} else if (is_text(name, "STATUS")) {
		said->has_status = true;
		said->status = cut_status(value);
	}
}

static void read_line(struct ms_sdnotify *said, const char *p, size_t len)
{
	const char *equals = memchr(p, '=', len);
	struct ms_str name = {.p = p, .len = equals ? (size_t)(equals - p) : 0};

	if (!is_name(name)) {
		said->odd = true;
		return;
	}
	assign(said, name, (struct ms_str){.p = equals + 1, .len = len - name.len - 1});
}

struct ms_sdnotify ms_sdnotify_read(const char *data, size_t len)
{
	struct ms_sdnotify said = {.status = {.p = "", .len = 0}};

	if (len && data[len - 1] == '\0')
		len--; /* some send the end of their string too */
	if (!len || memchr(data, '\0', len)) {
		said.odd = true;
		return said;
	}
	for (size_t at = 0; at < len;) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - (data + at)) : len - at;

		if (n)
			read_line(&said, data + at, n);
		at += n + 1;
	}
	return said;
}
