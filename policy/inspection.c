/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inspection.c - the message of modsup-inspect, both ways. Decode runs in the privileged process on
 * bytes of a process that outsiders' bytes may have taken over: every count is bounded before it is
 * used, every text is checked to be harmless to show, and the layout must follow from the manifest.
 *
 *   u8 version, u8 verdict
 *   verdict 0: counted manifest; u8 whole; u32 n; n x {path, u8 kind, u8 class, target}
 *   verdict 1: u32 n; n x {u8 reason, u32 line, u32 column, pointer, msg, hint}; u32 dropped
 */
#include "policy/inspection.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/utf8.h"
#include "lib/wire.h"
#include "policy/manifest-check.h"

#define VERSION 1u

enum verdict { VERDICT_ACCEPTED, VERDICT_REFUSED, VERDICT_COUNT };

/**
 * ms_layout_done() - the strings; the layout is empty afterwards
 */
void ms_layout_done(struct ms_layout *layout)
{
	ms_arena_done(&layout->arena);
	layout->n_entries = 0;
	layout->whole = false;
}

/**
 * ms_inspection_done() - half-built is fine
 */
void ms_inspection_done(struct ms_inspection *inspection)
{
	inspection->manifest = ms_manifest_free(inspection->manifest);
	inspection->report = ms_report_free(inspection->report);
	ms_layout_done(&inspection->layout);
}

/* At most MS_MAX_DIAG_BYTES, never cut inside a character. @text is valid UTF-8. */
static void wr_cut(struct ms_wr *wr, const char *p, size_t len)
{
	size_t n = MS_MIN(len, (size_t)MS_MAX_DIAG_BYTES), bad;

	if (!ms_utf8_valid(p, n, &bad))
		n = bad;
	ms_wr_cstr(wr, p, n);
}

/* Text for people. A pointer is sent as it is, control characters and all: whoever shows it escapes
 * it; the rest is made harmless here. */
static int wr_text(struct ms_wr *wr, struct ms_str text, bool pointer)
{
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT((size_t)4 * MS_MAX_POLICY_BYTES);

	if (pointer ? ms_utf8_valid(text.p, text.len, NULL) && !memchr(text.p, 0, text.len)
		    : ms_check_text(text, text.len, /* lines= */ false)) {
		wr_cut(wr, text.p, text.len);
		return 0;
	}
	ms_buf_escape(&buf, text.p, text.len);
	if (!buf.error)
		wr_cut(wr, buf.data, buf.len);
	return buf.error;
}

static int wr_report(struct ms_wr *wr, const struct ms_report *report)
{
	ms_wr_u8(wr, VERDICT_REFUSED);
	ms_wr_u32(wr, report->n_diags);
	for (uint32_t i = 0; i < report->n_diags; i++) {
		const struct ms_diag *d = &report->diags[i];
		int r;

		ms_wr_u8(wr, (uint8_t)d->reason);
		ms_wr_u32(wr, d->line);
		ms_wr_u32(wr, d->column);
		r = wr_text(wr, d->pointer, /* pointer= */ true);
		if (!r)
			r = wr_text(wr, d->msg, /* pointer= */ false);
		if (!r)
			r = wr_text(wr, d->hint, /* pointer= */ false);
		if (r)
			return r;
	}
	ms_wr_u32(wr, report->n_dropped);
	return 0;
}

static int wr_accepted(struct ms_wr *wr, const struct ms_manifest *manifest,
		       const struct ms_layout *layout)
{
	ms_auto_free uint8_t *bytes = malloc(MS_MAX_POLICY_BYTES);
	size_t len;
	int r;

	if (!bytes)
		return -ENOMEM;
	r = ms_manifest_encode(manifest, bytes, MS_MAX_POLICY_BYTES, &len);
	if (r < 0)
		return r;
	ms_wr_u8(wr, VERDICT_ACCEPTED);
	ms_wr_u32(wr, (uint32_t)len);
	ms_wr_bytes(wr, bytes, len);
	ms_wr_u8(wr, layout->whole);
	ms_wr_u32(wr, layout->n_entries);
	for (uint32_t i = 0; i < layout->n_entries; i++) {
		const struct ms_bundle_entry *e = &layout->entries[i];

		ms_wr_cstr(wr, e->path.p, e->path.len);
		ms_wr_u8(wr, (uint8_t)e->kind);
		ms_wr_u8(wr, (uint8_t)e->class);
		ms_wr_cstr(wr, e->target.p, e->target.len);
	}
	return 0;
}

/**
 * ms_inspection_encode() - accepted, or refused with @report's reasons
 * Return: 0, -E2BIG, -ENOMEM.
 */
int ms_inspection_encode(const struct ms_manifest *manifest, const struct ms_layout *layout,
			 const struct ms_report *report, void *buf, size_t cap, size_t *ret_len)
{
	struct ms_wr wr = ms_wr_init(buf, cap);
	int r;

	ms_wr_u8(&wr, VERSION);
	if (report->n_diags || report->n_dropped)
		r = wr_report(&wr, report);
	else
		r = wr_accepted(&wr, manifest, layout);
	if (r < 0)
		return r;
	if (wr.full)
		return -E2BIG;
	*ret_len = wr.len;
	return 0;
}

static struct ms_str rd_text(struct ms_rd *rd, size_t max)
{
	struct ms_str text = ms_rd_cstr(rd, max);

	if (!ms_check_text(text, max, /* lines= */ false))
		rd->bad = true;
	return text;
}

static uint8_t rd_below(struct ms_rd *rd, uint8_t end)
{
	uint8_t v = ms_rd_u8(rd);

	if (v >= end)
		rd->bad = true;
	return rd->bad ? 0 : v;
}

static int rd_report(struct ms_rd *rd, const char *file, struct ms_report **ret)
{
	ms_auto(report) struct ms_report *report = ms_report_new(file);
	uint32_t n = ms_rd_count(rd, MS_MAX_DIAGS);

	if (!report)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		enum ms_reason reason = (enum ms_reason)rd_below(rd, MS_REASON_COUNT);
		uint32_t line = ms_rd_u32(rd), column = ms_rd_u32(rd);
		struct ms_str pointer = ms_rd_cstr(rd, MS_MAX_DIAG_BYTES);
		struct ms_str msg = rd_text(rd, MS_MAX_DIAG_BYTES);
		struct ms_str hint = rd_text(rd, MS_MAX_DIAG_BYTES);

		if (rd->bad || !msg.len || !ms_utf8_valid(pointer.p, pointer.len, NULL))
			return -EBADMSG;
		ms_report_add(report, reason, line, column, pointer, hint.len ? hint.p : NULL, "%s",
			      msg.p);
	}
	report->n_dropped += ms_rd_u32(rd);
	if (!ms_rd_done(rd) || (!n && !report->n_dropped))
		return -EBADMSG;
	if (report->arena.error == -ENOMEM)
		return -ENOMEM;
	*ret = MS_TAKE_PTR(report);
	return 0;
}

static int rd_layout(struct ms_rd *rd, struct ms_layout *layout)
{
	struct ms_arena *arena = &layout->arena;

	layout->whole = rd_below(rd, 2);
	layout->n_entries = ms_rd_count(rd, MS_MAX_ATTACH);
	for (uint32_t i = 0; i < layout->n_entries; i++) {
		struct ms_bundle_entry *e = &layout->entries[i];
		struct ms_str path = rd_text(rd, MS_MAX_PATH_BYTES), target;

		e->kind = (enum ms_bundle_kind)rd_below(rd, MS_BUNDLE_KIND_COUNT);
		e->class = (enum ms_bundle_class)rd_below(rd, MS_CLASS_READ + 1);
		target = rd_text(rd, MS_MAX_LINK_BYTES);
		e->path = ms_arena_str(arena, path.p, path.len);
		e->target = ms_arena_str(arena, target.p, target.len);
	}
	if (arena->error)
		return arena->error == -ENOMEM ? -ENOMEM : -EBADMSG;
	return ms_rd_done(rd) ? 0 : -EBADMSG;
}

static int rd_accepted(struct ms_rd *rd, struct ms_inspection *ret)
{
	ms_auto(inspection) struct ms_inspection in = MS_INSPECTION_INIT;
	uint32_t len = ms_rd_count(rd, MS_MAX_POLICY_BYTES);
	const uint8_t *bytes = ms_rd_bytes(rd, len);
	int r;

	if (!bytes)
		return -EBADMSG;
	r = ms_manifest_decode(bytes, len, &in.manifest);
	if (!r)
		r = rd_layout(rd, &in.layout);
	if (r < 0)
		return r;
	if (!ms_layout_verify(&in.layout, in.manifest))
		return -EBADMSG;
	*ret = in;
	in = MS_INSPECTION_INIT; /* everything was given away */
	return 0;
}

/**
 * ms_inspection_decode() - what modsup-inspect said, or nothing
 * @file: names the report, as the user knows the document
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int ms_inspection_decode(const void *data, size_t len, const char *file, struct ms_inspection *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);
	struct ms_report *report = NULL;
	int r;

	if (len > MS_MAX_INSPECTION_BYTES || ms_rd_u8(&rd) != VERSION)
		return -EBADMSG;
	switch ((enum verdict)rd_below(&rd, VERDICT_COUNT)) {
	case VERDICT_ACCEPTED:
		return rd.bad ? -EBADMSG : rd_accepted(&rd, ret);
	case VERDICT_REFUSED:
		r = rd_report(&rd, file, &report);
		if (r < 0)
			return r;
		*ret = MS_INSPECTION_INIT;
		ret->report = report;
		return 0;
	case VERDICT_COUNT:
		break;
	}
	return -EBADMSG;
}
