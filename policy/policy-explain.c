/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-explain.c - a policy in plain words, for a person who has to decide about a module: what
 * it runs, what it sees, what it can never do, and what it asked for and does not get. 80 columns.
 * Everything that came from the author is escaped. It decides nothing; called by modsupctl explain
 * and by whoever shows a module before it is approved.
 */
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/units.h"

#define COLUMNS 80u
#define LABEL	17u /* where the second column begins */

/* Text that is broken between words; @column is where the next character goes. */
struct page {
	struct ms_buf *out; /* borrowed */
	size_t column, indent;
};

static size_t width(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)p[i] & 0xc0) != 0x80;
	return n;
}

static void end_line(struct page *page)
{
	if (page->column)
		ms_buf_adds(page->out, "\n");
	page->column = 0;
}

static void pad(struct page *page, size_t to)
{
	for (; page->column < to; page->column++)
		ms_buf_add(page->out, " ", 1);
}

/* One word, on the next line where it does not fit on this one. */
static void put_word(struct page *page, const char *p, size_t len)
{
	size_t n = width(p, len);

	if (page->column > page->indent && page->column + 1 + n > COLUMNS)
		end_line(page);
	if (page->column > page->indent)
		pad(page, page->column + 1);
	else
		pad(page, page->indent);
	ms_buf_add(page->out, p, len);
	page->column += n;
}

/* Words of safe text. */
static void put_text(struct page *page, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		if (n)
			put_word(page, text, n);
		text += n + (text[n] == ' ');
	}
}

/* The finished @safe text as words, or as one word. */
static void put_safe(struct page *page, struct ms_buf *safe, bool one_word)
{
	if (safe->error && !page->out->error)
		page->out->error = safe->error;
	else if (safe->data && one_word)
		put_word(page, safe->data, safe->len);
	else if (safe->data)
		put_text(page, safe->data);
	ms_buf_done(safe);
}

/* The author's words, made safe, between ours. */
static void put_outside(struct page *page, const char *before, struct ms_str text,
			const char *after)
{
	struct ms_buf safe = MS_BUF_INIT(strlen(before) + text.len * 4 + strlen(after));

	ms_buf_adds(&safe, before);
	ms_buf_escape(&safe, text.p, text.len);
	ms_buf_adds(&safe, after);
	put_safe(page, &safe, false);
}

/* One of the author's words that stays one, in quotes when it has spaces. */
static void put_item(struct page *page, const char *before, struct ms_str item, const char *after)
{
	struct ms_buf safe = MS_BUF_INIT(strlen(before) + item.len * 4 + 8);
	const char *quote = !item.len || memchr(item.p, ' ', item.len) ? "'" : "";

	ms_buf_addf(&safe, "%s%s", before, quote);
	ms_buf_escape(&safe, item.p, item.len);
	ms_buf_addf(&safe, "%s%s", quote, after);
	put_safe(page, &safe, true);
}

static void put_list(struct page *page, const struct ms_str *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_item(page, "", list[i], i + 1 < n ? "," : "");
}

/* "  label         " and then text in a column of its own. */
static void begin_row(struct page *page, const char *label)
{
	end_line(page);
	ms_buf_addf(page->out, "  %s", label);
	page->indent = LABEL;
	page->column = 2 + strlen(label);
	if (page->column >= LABEL) /* a long key: a gap all the same */
		page->indent = page->column + 1;
	pad(page, page->indent);
}

static void put_row(struct page *page, const char *label, const char *text)
{
	begin_row(page, label);
	put_text(page, text);
}

static void begin_section(struct page *page, const char *title)
{
	end_line(page);
	ms_buf_addf(page->out, "\n%s\n", title);
	page->indent = 2;
}

static void put_bullet(struct page *page, const char *text)
{
	end_line(page);
	ms_buf_adds(page->out, "  - ");
	page->indent = 4;
	page->column = 4;
	put_text(page, text);
}

static void explain_title(struct page *page, const struct ms_policy *policy)
{
	const struct ms_manifest *m = policy->manifest;
	const char *tier = ms_tier_word(policy->tier);

	page->indent = 0;
	put_outside(page, "", m->id, "");
	put_outside(page, "", m->version, "");
	put_text(page, "(tier");
	put_outside(page, "", (struct ms_str){.p = tier, .len = strlen(tier)}, ",");
	put_text(page, "tenant");
	put_item(page, "", policy->tenant, ")");
	end_line(page);
	put_outside(page, "", m->description, "");
}

static void explain_listen(struct page *page, const struct ms_manifest *m)
{
	begin_row(page, "serves");
	if (!m->n_listen) {
		put_text(page, "no socket");
		return;
	}
	put_text(page, m->n_listen == 1 ? "the Unix socket" : "the Unix sockets");
	put_list(page, m->listen, m->n_listen);
}

static void explain_env(struct page *page, const struct ms_manifest *m)
{
	char name[MS_MAX_ARG_BYTES];

	if (m->n_env)
		begin_row(page, "environment");
	for (uint32_t i = 0; i < m->n_env; i++) {
		(void)snprintf(name, sizeof(name),
			       "%s=", m->env[i].name.p); /* letters, digits, _ */
		put_item(page, name, m->env[i].value, "");
	}
}

static void explain_ready(struct page *page, const struct ms_manifest *m)
{
	char within[MS_UNITS_TEXT_BYTES], text[64];

	ms_units_format(MS_UNITS_DURATION, m->start_timeout_usec, within);
	(void)snprintf(text, sizeof(text), "within %s", within); /* fits */
	begin_row(page, "is ready");
	switch (m->readiness) {
	case MS_READY_NOTIFY:
		put_text(page, "when it says so (READY=1),");
		put_text(page, text);
		return;
	case MS_READY_PROBE:
		put_item(page, "when GET ", m->ready_http, "");
		put_item(page, "on its socket ", m->listen[0], "");
		put_text(page, "is answered below 500,");
		put_text(page, text);
		return;
	case MS_READY_NONE:
	case MS_READY_COUNT:
		break;
	}
	put_text(page, "when its program runs");
}

static void explain_health(struct page *page, const struct ms_manifest *m)
{
	char every[MS_UNITS_TEXT_BYTES], text[96];

	if (m->watchdog_usec) {
		ms_units_format(MS_UNITS_DURATION, m->watchdog_usec, every);
		(void)snprintf(text, sizeof(text), "killed when it does not say WATCHDOG=1 for %s",
			       every); /* fits */
		put_row(page, "watchdog", text);
	}
	if (!m->health_http.len)
		return;
	ms_units_format(MS_UNITS_DURATION, m->health_interval_usec, every);
	begin_row(page, "is healthy");
	put_item(page, "while GET ", m->health_http, "");
	put_item(page, "on its socket ", m->listen[0], "");
	(void)snprintf(text, sizeof(text), "is answered below 500 every %s; after %u failure%s",
		       every, m->health_failures, m->health_failures == 1 ? "" : "s"); /* fits */
	put_text(page, text);
	put_text(page,
		 m->health_restart ? "in a row it is restarted" : "in a row that is reported");
}

static void explain_restart(struct page *page, const struct ms_manifest *m)
{
	static const char *const texts[MS_RESTART_COUNT] = {
		[MS_RESTART_ON_FAILURE] = "when it failed, after a delay that grows",
		[MS_RESTART_ALWAYS] = "whenever it ended, after a delay that grows",
		[MS_RESTART_NEVER] = "never by itself",
	};

	put_row(page, "starts again", texts[m->restart]);
}

static void explain_runs(struct page *page, const struct ms_policy *policy)
{
	static const char *const modes[MS_MODE_COUNT] = {
		[MS_MODE_SERVICE] = "a service: it runs until it is stopped",
		[MS_MODE_WORKER] = "a worker: it takes one request at a time",
		[MS_MODE_ONESHOT] = "a one-shot: one process for each call, which ends by itself",
	};
	const struct ms_manifest *m = policy->manifest;
	char usec[MS_UNITS_TEXT_BYTES], text[96];

	begin_section(page, "Runs");
	if (!m->has_entry) {
		put_text(page, "nothing: the manifest has no entry, so it is never started");
		return;
	}
	begin_row(page, "command");
	for (uint32_t i = 0; i < m->n_argv; i++)
		put_item(page, "", m->argv[i], "");
	put_row(page, "as", modes[m->mode]);
	explain_listen(page, m);
	explain_env(page, m);
	ms_units_format(MS_UNITS_DURATION, m->stop_timeout_usec, usec);
	(void)snprintf(text, sizeof(text), "by SIGTERM; what is left after %s is killed",
		       usec); /* fits */
	put_row(page, "stops", text);
	explain_ready(page, m);
	explain_health(page, m);
	explain_restart(page, m);
}

static void explain_code(struct page *page, const struct ms_manifest *m)
{
	begin_row(page, "runs code in");
	if (m->has_code && !m->n_code)
		put_text(page, "nothing of its bundle");
	else if (m->has_code)
		put_list(page, m->code, m->n_code);
	else if (m->has_read || m->n_write)
		put_text(page, "its bundle, except the folders that are listed as read or written");
	else
		put_text(page, "all of its bundle");
}

static void explain_read(struct page *page, const struct ms_manifest *m)
{
	begin_row(page, "reads");
	if (!m->has_read) {
		put_text(page, "all of its bundle, as the manifest has no permissions.fs.read");
		return;
	}
	put_text(page, m->n_read ? "its code and" : "its code only");
	put_list(page, m->read, m->n_read);
}

static void explain_files(struct page *page, const struct ms_policy *policy)
{
	const struct ms_manifest *m = policy->manifest;
	char tmp[MS_UNITS_TEXT_BYTES], text[128];

	begin_section(page, "Files (its bundle is at /module, read-only)");
	explain_code(page, m);
	explain_read(page, m);
	begin_row(page, "writes");
	if (policy->n_write) {
		put_list(page, m->write, policy->n_write);
		put_text(page,
			 "(kept, apart for each tenant; how much is not limited by this build)");
	} else {
		put_text(page, "no path of its own");
	}
	ms_limit_format(MS_LIMIT_TMP, policy->limits[MS_LIMIT_TMP], tmp, sizeof(tmp));
	(void)snprintf(text, sizeof(text), "%s in /tmp, gone when it ends", tmp); /* fits */
	put_row(page, "", text);
	put_row(page, "of the host",
		"programs and libraries in /usr, read-only; an /etc made for it; no other file");
}

static void explain_network(struct page *page)
{
	begin_section(page, "Network");
	put_text(page, "none: it has a loopback interface of its own and nothing else; no name, no "
		       "address and no port of this host or beyond can be reached");
}

static void explain_limits(struct page *page, const struct ms_policy *policy)
{
	static const char *const hints[MS_LIMIT_COUNT] = {
		[MS_LIMIT_MEMORY] = "for all its processes and /tmp; above it, it is killed",
		[MS_LIMIT_CPU] = "of one core; above it, it waits",
		[MS_LIMIT_OPEN_FILES] = "for each process; sockets and pipes count",
		[MS_LIMIT_CONNECTIONS] = "to other hosts at once; without a network, none",
		[MS_LIMIT_PROCESSES] = "threads count too; Node alone has up to eleven",
		[MS_LIMIT_TMP] = "in /tmp and /dev/shm",
		[MS_LIMIT_DISK] = "in all write paths",
		[MS_LIMIT_CPU_TIME] = "of computing for each call; then it is killed",
		[MS_LIMIT_WALL_TIME] = "for each call; then it is killed",
	};
	char value[MS_UNITS_TEXT_BYTES];

	begin_section(page, "Limits");
	for (enum ms_limit_id id = 0; id < MS_LIMIT_COUNT; id++) {
		if (!policy->limits[id])
			continue;
		ms_limit_format(id, policy->limits[id], value, sizeof(value));
		begin_row(page, ms_limit_infos[id].key);
		ms_buf_addf(page->out, "%-6s", value);
		page->column += 6;
		put_text(page, hints[id]);
	}
}

static void explain_never(struct page *page)
{
	begin_section(page, "Can never");
	put_bullet(page, "become root, use a capability, or gain rights from a setuid program");
	put_bullet(page, "see or signal a process of this host or of another module");
	put_bullet(page, "open a device other than null, zero, full, random and urandom");
	put_bullet(page,
		   "mount, trace, load code into the kernel, or make a system call that is not "
		   "on its list; each refused call is reported");
	put_bullet(page, "change its own code, or keep a file outside its write paths");
	put_bullet(page, "outlive its stop: every process it made is killed with it");
}

static void explain_narrowings(struct page *page, const struct ms_policy *policy)
{
	if (!policy->n_narrowings)
		return;
	begin_section(page, "Asked for and not given");
	for (uint32_t i = 0; i < policy->n_narrowings; i++) {
		const struct ms_narrowing *n = &policy->narrowings[i];

		put_bullet(page, "");
		put_outside(page, "", n->key, ":");
		put_outside(page, "", n->asked, " asked,");
		put_outside(page, "", n->granted, " granted");
		put_outside(page, "(", n->why, ")");
	}
}

/**
 * ms_policy_explain() - the whole page.
 * @out: its sticky error tells when it did not fit or memory was short.
 */
void ms_policy_explain(const struct ms_policy *policy, struct ms_buf *out)
{
	struct page page = {.out = out};

	explain_title(&page, policy);
	explain_runs(&page, policy);
	if (policy->manifest->has_entry) {
		explain_files(&page, policy);
		explain_network(&page);
		explain_limits(&page, policy);
		explain_never(&page);
	}
	explain_narrowings(&page, policy);
	begin_section(&page, "Policy");
	put_text(&page, "sha256");
	for (size_t i = 0; i < sizeof(policy->hash); i++)
		ms_buf_addf(out, "%s%02x", i ? "" : " ", policy->hash[i]);
	ms_buf_adds(out, "\n");
}
