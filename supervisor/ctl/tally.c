/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tally.c - adding up and telling. Which instance a run is becomes known only with the answer to
 * its start, so events are kept with their instance and chosen at the end.
 */
#include "supervisor/ctl/tally.h"

#include <string.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/event-text.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define TEXT_BYTES 65536u
#define INDENT	   11u

static void kind_done(struct ms_tally_kind *kind)
{
	free(kind->instance);
	free(kind->severity);
	free(kind->text);
	free(kind->remedy);
	*kind = (struct ms_tally_kind){0};
}

void ms_tally_done(struct ms_tally *tally)
{
	for (uint32_t i = 0; i < tally->n_kinds; i++)
		kind_done(&tally->kinds[i]);
	tally->n_kinds = 0;
}

static char *escaped(struct ms_str text)
{
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(TEXT_BYTES);

	ms_buf_escape(&buf, text.p, text.len);
	return ms_buf_take(&buf, NULL);
}

static bool same(const struct ms_tally_kind *a, const struct ms_tally_kind *b)
{
	return strcmp(a->text, b->text) == 0 && strcmp(a->instance, b->instance) == 0 &&
	       strcmp(a->severity, b->severity) == 0;
}

void ms_tally_add(struct ms_tally *tally, const struct ms_json *event)
{
	const struct ms_json *data = ms_client_get(event, "data", MS_JSON_OBJECT);
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(TEXT_BYTES);
	struct ms_tally_kind kind = {
		.instance = escaped(ms_client_get_str(event, "instance")),
		.severity = escaped(ms_client_get_str(data, "severity")),
		.remedy = escaped(ms_client_get_str(data, "remedy")),
		.count = ms_client_get_uint(data, "count", 1),
		.observed = ms_say_is(ms_client_get_str(data, "action"), "observed"),
	};

	ms_event_tried(data, /* with_pid= */ false, &text);
	kind.text = ms_buf_take(&text, NULL);
	if (!kind.instance || !kind.severity || !kind.remedy || !kind.text) {
		tally->dropped += kind.count;
		kind_done(&kind);
		return;
	}
	for (uint32_t i = 0; i < tally->n_kinds; i++) {
		if (same(&tally->kinds[i], &kind)) {
			tally->kinds[i].count += kind.count;
			kind_done(&kind);
			return;
		}
	}
	if (tally->n_kinds == MS_TALLY_MAX_KINDS) {
		tally->dropped += kind.count;
		kind_done(&kind);
		return;
	}
	tally->kinds[tally->n_kinds++] = kind;
}

static bool is_of(const struct ms_tally_kind *kind, struct ms_str instance)
{
	return ms_say_is(instance, kind->instance);
}

/* Kinds with the same advice stand together, and it is given once, after the last of them. */
static bool advised_before(const struct ms_tally *tally, uint32_t i, struct ms_str instance)
{
	for (uint32_t k = 0; k < i; k++)
		if (is_of(&tally->kinds[k], instance) &&
		    strcmp(tally->kinds[k].remedy, tally->kinds[i].remedy) == 0)
			return true;
	return false;
}

static void print_kind(const struct ms_tally_kind *kind, bool color, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf said = MS_BUF_INIT(TEXT_BYTES);

	ms_buf_adds(out, "  ");
	ms_event_severity((struct ms_str){.p = kind->severity, .len = strlen(kind->severity)},
			  color, out);
	ms_buf_adds(&said, kind->text);
	if (kind->count > 1)
		ms_buf_addf(&said, ", %llu times", (unsigned long long)kind->count);
	ms_text_wrap(out, said.error ? kind->text : said.data, INDENT, INDENT, MS_SAY_WIDTH);
}

/* The kind @first, those after it with the same advice, and the advice. */
static void print_group(const struct ms_tally *tally, uint32_t first, struct ms_str instance,
			bool color, struct ms_buf *out)
{
	const char *remedy = tally->kinds[first].remedy;
	ms_auto(buf) struct ms_buf said = MS_BUF_INIT(TEXT_BYTES);

	for (uint32_t i = first; i < tally->n_kinds; i++)
		if (is_of(&tally->kinds[i], instance) &&
		    strcmp(tally->kinds[i].remedy, remedy) == 0)
			print_kind(&tally->kinds[i], color, out);
	if (!remedy[0])
		return;
	ms_buf_addf(&said, "remedy: %s", remedy);
	ms_text_wrap(out, said.error ? remedy : said.data, 0, INDENT, MS_SAY_WIDTH);
}

/* An end by a signal of its own is told here too, and nobody refused anything then. */
static bool any_refused(const struct ms_tally *tally, struct ms_str instance)
{
	for (uint32_t i = 0; i < tally->n_kinds; i++)
		if (is_of(&tally->kinds[i], instance) && !tally->kinds[i].observed)
			return true;
	return false;
}

void ms_tally_print(const struct ms_tally *tally, struct ms_str instance, bool color,
		    struct ms_buf *out)
{
	bool any = false;

	for (uint32_t i = 0; i < tally->n_kinds; i++) {
		if (!is_of(&tally->kinds[i], instance) || advised_before(tally, i, instance))
			continue;
		if (!any)
			ms_buf_addf(out, "modsupctl: run: the sandbox %s:\n",
				    any_refused(tally, instance) ? "refused" : "saw");
		any = true;
		print_group(tally, i, instance, color, out);
	}
	if (tally->dropped > 0)
		ms_buf_addf(out, "  and %llu more: modsupctl events --type violation\n",
			    (unsigned long long)tally->dropped);
}
