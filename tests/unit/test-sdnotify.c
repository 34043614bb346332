/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-sdnotify.c - datagrams as libraries send them, as modules may, and as nobody should: what is
 * asked for is heard, and what is not of the form changes nothing and is told.
 */
#include "shim/sdnotify.h"

#include "modsup/limits.h"
#include "tests/unit/test.h"

/* The answer in letters, and the status: one line to compare. */
static const char *read_text(const char *data, size_t len)
{
	static char text[512];
	/* on the heap and exactly as long, so that ASan sees a read behind it */
	char *exact = malloc(len ? len : 1);
	struct ms_sdnotify said;

	if (!exact)
		abort();
	memcpy(exact, data, len);
	said = ms_sdnotify_read(exact, len);
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%.*s", said.ready ? "R" : "",
		       said.reloading ? "L" : "", said.stopping ? "S" : "",
		       said.watchdog ? "W" : "", said.trigger ? "T" : "", said.odd ? "!" : "",
		       said.has_status ? ":" : "", (int)said.status.len, said.status.p);
	free(exact);
	return text;
}

TEST(what_is_said_is_heard)
{
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{"READY=1", "R"},
		{"READY=1\n", "R"},
		{"RELOADING=1\nMONOTONIC_USEC=17\n", "L"},
		{"STOPPING=1", "S"},
		{"WATCHDOG=1", "W"},
		{"WATCHDOG=trigger", "T"},
		{"STATUS=half way", ":half way"},
		{"STATUS=", ":"},
		{"STATUS=a=b=c", ":a=b=c"},
		{"STATUS=\xff\xfe", ":\xff\xfe"},
		{"STATUS=one\nSTATUS=two", ":two"},
		{"STATUS=50%\nREADY=1\nWATCHDOG=1", "RW:50%"},
		{"\n\nREADY=1\n\n", "R"},
		/* of others' business, or to come: nothing, in silence */
		{"MAINPID=1", ""},
		{"FDSTORE=1\nFDNAME=x", ""},
		{"BARRIER=1", ""},
		{"ERRNO=2", ""},
		{"X_OWN=hello", ""},
		{"EXTEND_TIMEOUT_USEC=999", ""},
		{"ready=1", ""},
		{"READYX=1", ""},
		/* not what may be said */
		{"", "!"},
		{"READY", "!"},
		{"READY=", "!"},
		{"READY=0", "!"},
		{"READY=11", "!"},
		{"READY= 1", "!"},
		{"=1", "!"},
		{"=", "!"},
		{" READY=1", "!"},
		{"RE ADY=1", "!"},
		{"STOPPING=yes", "!"},
		{"RELOADING=2", "!"},
		{"WATCHDOG=", "!"},
		{"WATCHDOG=TRIGGER", "!"},
		{"WATCHDOG=triggered", "!"},
		{"WATCHDOG_USEC=1", "!"},
		{"hello\nREADY=1", "R!"},
		{"READY=1\nREADY=0", "R!"},
		{"\r\nREADY=1\r\n", "!"},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(cases); i++) {
		const char *heard = read_text(cases[i].said, strlen(cases[i].said));

		if (strcmp(heard, cases[i].heard) != 0)
			printf("'%s':\n", cases[i].said);
		CHECK_STR(heard, cases[i].heard);
	}
}

TEST(nul)
{
	CHECK_STR(read_text("READY=1\0", 8), "R"); /* the end of a C string */
	CHECK_STR(read_text("READY=1\n\0", 9), "R");
	CHECK_STR(read_text("READY=1\0\0", 9), "!");
	CHECK_STR(read_text("STATUS=a\0b\nREADY=1", 18), "!"); /* nothing of it */
	CHECK_STR(read_text("\0", 1), "!");
	CHECK_STR(read_text("", 0), "!");
}

TEST(a_status_at_its_cap)
{
	static char text[8192] = "STATUS=";
	struct ms_sdnotify said;
	char *status = text + 7;

	memset(status, 'x', sizeof(text) - 8);
	said = ms_sdnotify_read(text, 7 + MS_MAX_STATUS_BYTES);
	CHECK_EQ(said.status.len, MS_MAX_STATUS_BYTES);
	said = ms_sdnotify_read(text, 7 + MS_MAX_STATUS_BYTES + 1);
	CHECK_EQ(said.status.len, MS_MAX_STATUS_BYTES);
	CHECK(!said.odd);
	said = ms_sdnotify_read(text, sizeof(text) - 1);
	CHECK_EQ(said.status.len, MS_MAX_STATUS_BYTES);
	/* a character of four bytes that would end one behind the cap is left out whole */
	memcpy(status + MS_MAX_STATUS_BYTES - 3, "\xf0\x9f\x98\x80", 4);
	said = ms_sdnotify_read(text, sizeof(text) - 1);
	CHECK_EQ(said.status.len, MS_MAX_STATUS_BYTES - 3);
	/* one that ends at the cap is in */
	memcpy(status + MS_MAX_STATUS_BYTES - 4, "\xf0\x9f\x98\x80x", 5);
	said = ms_sdnotify_read(text, sizeof(text) - 1);
	CHECK_EQ(said.status.len, MS_MAX_STATUS_BYTES);
	/* no text at all is cut somewhere */
	memset(status, 0x80, sizeof(text) - 8);
	said = ms_sdnotify_read(text, sizeof(text) - 1);
	CHECK(said.status.len <= MS_MAX_STATUS_BYTES && said.status.len > MS_MAX_STATUS_BYTES - 4);
}

/* Each byte of a full datagram as each value: nothing reads beyond, and a status never holds what
 * would end its line. */
TEST(every_byte_changed)
{
	static const char whole[] =
		"READY=1\nSTATUS=at work\nWATCHDOG=1\nRELOADING=1\nSTOPPING=1\nX_A=b\n";
	unsigned odd = 0, fine = 0;

	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (unsigned value = 0; value < 256; value++) {
			char text[sizeof(whole)];
			struct ms_sdnotify said;

			memcpy(text, whole, sizeof(text));
			text[at] = (char)value;
			(void)read_text(text, sizeof(text) - 1); /* under ASan */
			said = ms_sdnotify_read(text, sizeof(text) - 1);
			CHECK(!memchr(said.status.p, '\n', said.status.len));
			CHECK(!memchr(said.status.p, '\0', said.status.len));
			odd += said.odd;
			fine += !said.odd;
		}
	}
	CHECK(odd > 0 && fine > 0);
}
