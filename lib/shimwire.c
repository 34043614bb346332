/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shimwire.c - the codec behind shimwire.h. Both ends link it; neither trusts the other's bytes.
 */
#include "lib/shimwire.h"

#include <string.h>

#include "lib/wire.h"

static struct ms_wr begin(uint8_t *buf, unsigned version, enum ms_shim_type type)
{
	struct ms_wr wr = ms_wr_init(buf, MS_SHIM_MAX_BYTES);

	ms_assert(version >= MS_SHIM_OLDEST && version <= MS_SHIM_VERSION);
	ms_wr_bytes(&wr, "ms", 2);
	ms_wr_u8(&wr, (uint8_t)version);
	ms_wr_u8(&wr, (uint8_t)type);
	return wr;
}

static size_t end(const struct ms_wr *wr)
{
	ms_assert(!wr->full); /* every field is capped well below MS_SHIM_MAX_BYTES */
	return wr->len;
}

size_t ms_shimwire_plain(uint8_t *buf, unsigned version, enum ms_shim_type type)
{
	struct ms_wr wr = begin(buf, version, type);

	return end(&wr);
}

size_t ms_shimwire_signal(uint8_t *buf, unsigned version, uint8_t signo)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_SIGNAL);

	ms_wr_u8(&wr, signo);
	return end(&wr);
}

size_t ms_shimwire_started(uint8_t *buf, unsigned version, uint32_t pid_inside)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_STARTED);

	ms_wr_u32(&wr, pid_inside);
	return end(&wr);
}

/* At most @max bytes of a NUL-terminated text. */
static void put_text(struct ms_wr *wr, const char *text, size_t max)
{
	ms_wr_cstr(wr, text, strnlen(text, max));
}

size_t ms_shimwire_failed(uint8_t *buf, unsigned version, const struct ms_error *err)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_FAILED);

	ms_wr_u32(&wr, (uint32_t)-err->code);
	ms_wr_u16(&wr, (uint16_t)err->reason);
	ms_wr_u16(&wr, (uint16_t)err->step);
	put_text(&wr, err->msg, MS_ERROR_MSG_BYTES - 1);
	put_text(&wr, err->hint, MS_ERROR_HINT_BYTES - 1);
	return end(&wr);
}

size_t ms_shimwire_violation(uint8_t *buf, unsigned version, const struct ms_shim_violation *v)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_VIOLATION);

	ms_wr_u32(&wr, v->arch);
	ms_wr_u32(&wr, v->nr);
	for (size_t i = 0; i < 6; i++)
		ms_wr_u64(&wr, v->args[i]);
	ms_wr_u64(&wr, v->ip);
	ms_wr_u32(&wr, v->tid);
	ms_wr_u32(&wr, v->pid);
	ms_wr_u32(&wr, v->count);
	ms_wr_u64(&wr, v->total);
	ms_wr_u8(&wr, (uint8_t)v->action);
	ms_wr_u32(&wr, (uint32_t)v->error);
	ms_wr_u64(&wr, v->boot_usec);
	ms_wr_cstr(&wr, v->comm.p, MS_MIN(v->comm.len, (size_t)MS_MAX_REPORT_TEXT_BYTES));
	ms_wr_cstr(&wr, v->exe.p, MS_MIN(v->exe.len, (size_t)MS_MAX_REPORT_TEXT_BYTES));
	ms_wr_u32(&wr, v->n_texts);
	for (size_t i = 0; i < v->n_texts; i++) {
		ms_wr_u8(&wr, v->texts[i].arg);
		ms_wr_u8(&wr, (uint8_t)v->texts[i].kind);
		ms_wr_u8(&wr, v->texts[i].truncated);
		ms_wr_u16(&wr, v->texts[i].len);
		ms_wr_bytes(&wr, v->texts[i].bytes, v->texts[i].len);
	}
	return end(&wr);
}

size_t ms_shimwire_exit(uint8_t *buf, unsigned version, const struct ms_shim_exit *e)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_EXIT);

	ms_wr_u8(&wr, (uint8_t)e->kind);
	ms_wr_u8(&wr, e->value);
	ms_wr_u8(&wr, e->core_wanted);
	ms_wr_u8(&wr, e->flood);
	ms_wr_u8(&wr, e->forbidden);
	ms_wr_u64(&wr, e->denied);
	ms_wr_u64(&wr, e->reported);
	ms_wr_u64(&wr, e->log_dropped_bytes);
	if (version >= 2) {
		const uint32_t len = (uint32_t)MS_MIN(e->tail.len, (size_t)MS_MAX_TAIL_BYTES);

		ms_wr_u8(&wr, e->watchdog);
		ms_wr_u8(&wr, e->emergency);
		ms_wr_u32(&wr, len);
		ms_wr_bytes(&wr, e->tail.p + (e->tail.len - len), len);
	}
	return end(&wr);
}

size_t ms_shimwire_hello(uint8_t *buf, unsigned version, const struct ms_shim_hello *h)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_HELLO);

	ms_wr_bytes(&wr, h->launch_id, sizeof(h->launch_id));
	ms_wr_bytes(&wr, h->policy_hash, sizeof(h->policy_hash));
	ms_wr_u32(&wr, h->pid_inside);
	ms_wr_u8(&wr, h->ended);
	ms_wr_u64(&wr, h->denied);
	if (version >= 2) {
		ms_wr_u8(&wr, h->ready);
		ms_wr_u8(&wr, h->n_listen);
		ms_wr_u8(&wr, h->has_plan);
	}
	return end(&wr);
}

size_t ms_shimwire_notify(uint8_t *buf, unsigned version, const struct ms_shim_notify *n)
{
	struct ms_wr wr = begin(buf, version, MS_SHIM_NOTIFY);

	ms_wr_u8(&wr, n->ready);
	ms_wr_u8(&wr, n->reloading);
	ms_wr_u8(&wr, n->stopping);
	ms_wr_u32(&wr, n->dropped);
	ms_wr_cstr(&wr, n->status.p, MS_MIN(n->status.len, (size_t)MS_MAX_STATUS_BYTES));
	return end(&wr);
}

static bool rd_flag(struct ms_rd *rd)
{
	uint8_t v = ms_rd_u8(rd);

	if (v > 1)
		rd->bad = true;
	return v == 1;
}

/* An enum's number below @count. */
static unsigned rd_enum(struct ms_rd *rd, size_t width, unsigned count)
{
	unsigned v = (unsigned)ms_rd_uint(rd, width);

	if (v >= count) {
		rd->bad = true;
		return 0;
	}
	return v;
}

static void rd_error(struct ms_rd *rd, struct ms_error *ret)
{
	uint32_t code = ms_rd_u32(rd);
	struct ms_str s;

	if (code == 0 || code > 4095)
		rd->bad = true;
	else
		ret->code = -(int)code;
	ret->reason = (enum ms_reason)rd_enum(rd, 2, MS_REASON_COUNT);
	ret->step = (enum ms_step)rd_enum(rd, 2, MS_STEP_COUNT);
	s = ms_rd_cstr(rd, MS_ERROR_MSG_BYTES - 1);
	memcpy(ret->msg, s.p, s.len + 1);
	s = ms_rd_cstr(rd, MS_ERROR_HINT_BYTES - 1);
	memcpy(ret->hint, s.p, s.len + 1);
}

static void rd_violation(struct ms_rd *rd, struct ms_shim_violation *ret)
{
	ret->arch = ms_rd_u32(rd);
	ret->nr = ms_rd_u32(rd);
	for (size_t i = 0; i < 6; i++)
		ret->args[i] = ms_rd_u64(rd);
	ret->ip = ms_rd_u64(rd);
	ret->tid = ms_rd_u32(rd);
	ret->pid = ms_rd_u32(rd);
	ret->count = ms_rd_u32(rd);
	ret->total = ms_rd_u64(rd);
	ret->action = (enum ms_shim_action)rd_enum(rd, 1, MS_SHIM_ACTION_COUNT);
	ret->error = (int32_t)rd_enum(rd, 4, 4096);
	ret->boot_usec = ms_rd_u64(rd);
	ret->comm = ms_rd_cstr(rd, MS_MAX_REPORT_TEXT_BYTES);
	ret->exe = ms_rd_cstr(rd, MS_MAX_REPORT_TEXT_BYTES);
	ret->n_texts = ms_rd_count(rd, MS_ARRAY_LEN(ret->texts));
	for (size_t i = 0; i < ret->n_texts; i++) {
		struct ms_shim_text *t = &ret->texts[i];
		const uint8_t *p;

		t->arg = (uint8_t)rd_enum(rd, 1, 6);
		t->kind = (enum ms_text_kind)rd_enum(rd, 1, MS_TEXT_COUNT);
		t->truncated = rd_flag(rd);
		t->len = (uint16_t)rd_enum(rd, 2, MS_MAX_REPORT_TEXT_BYTES + 1);
		p = ms_rd_bytes(rd, t->len);
		if (p)
			memcpy(t->bytes, p, t->len);
	}
	if (ret->count == 0)
		rd->bad = true;
}

static void rd_exit(struct ms_rd *rd, uint8_t version, struct ms_shim_exit *ret)
{
	const uint8_t *p;

	ret->kind = (enum ms_exit_kind)rd_enum(rd, 1, MS_EXIT_COUNT);
	ret->value = ms_rd_u8(rd);
	ret->core_wanted = rd_flag(rd);
	ret->flood = rd_flag(rd);
	ret->forbidden = rd_flag(rd);
	ret->denied = ms_rd_u64(rd);
	ret->reported = ms_rd_u64(rd);
	ret->log_dropped_bytes = ms_rd_u64(rd);
	ret->tail = (struct ms_str){.p = "", .len = 0};
	if (version < 2)
		return;
	ret->watchdog = rd_flag(rd);
	ret->emergency = rd_flag(rd);
	ret->tail.len = ms_rd_count(rd, MS_MAX_TAIL_BYTES);
	p = ms_rd_bytes(rd, ret->tail.len);
	if (p)
		ret->tail.p = (const char *)p;
}

static void rd_hello(struct ms_rd *rd, uint8_t version, struct ms_shim_hello *ret)
{
	const uint8_t *p = ms_rd_bytes(rd, sizeof(ret->launch_id));

	if (p)
		memcpy(ret->launch_id, p, sizeof(ret->launch_id));
	p = ms_rd_bytes(rd, sizeof(ret->policy_hash));
	if (p)
		memcpy(ret->policy_hash, p, sizeof(ret->policy_hash));
	ret->pid_inside = ms_rd_u32(rd);
	ret->ended = rd_flag(rd);
	ret->denied = ms_rd_u64(rd);
	if (version < 2)
		return;
	ret->ready = rd_flag(rd);
	ret->n_listen = (uint8_t)rd_enum(rd, 1, MS_MAX_LISTEN + 1);
	ret->has_plan = rd_flag(rd);
}

static void rd_notify(struct ms_rd *rd, struct ms_shim_notify *ret)
{
	ret->ready = rd_flag(rd);
	ret->reloading = rd_flag(rd);
	ret->stopping = rd_flag(rd);
	ret->dropped = ms_rd_u32(rd);
	ret->status = ms_rd_cstr(rd, MS_MAX_STATUS_BYTES);
}

int ms_shimwire_decode(const void *data, size_t len, struct ms_shim_msg *ret)
{
	struct ms_rd rd = ms_rd_init(data, len);
	const uint8_t *magic = ms_rd_bytes(&rd, 2);
	struct ms_shim_msg msg = {0};
	bool known = false;

	if (!magic || memcmp(magic, "ms", 2) != 0)
		return -EBADMSG;
	msg.version = ms_rd_u8(&rd);
	if (msg.version < MS_SHIM_OLDEST || msg.version > MS_SHIM_VERSION)
		return -EBADMSG;
	msg.type = (enum ms_shim_type)ms_rd_u8(&rd);
	switch (msg.type) {
	case MS_SHIM_PLAN:
	case MS_SHIM_RELEASE:
	case MS_SHIM_KILL:
	case MS_SHIM_HEARD:
	case MS_SHIM_PARKED:
		known = true;
		break;
	case MS_SHIM_SIGNAL:
		msg.signo = (uint8_t)rd_enum(&rd, 1, 65);
		known = msg.signo != 0;
		break;
	case MS_SHIM_STARTED:
		msg.pid_inside = ms_rd_u32(&rd);
		known = true;
		break;
	case MS_SHIM_FAILED:
		rd_error(&rd, &msg.error);
		known = true;
		break;
	case MS_SHIM_VIOLATION:
		rd_violation(&rd, &msg.violation);
		known = true;
		break;
	case MS_SHIM_EXIT:
		rd_exit(&rd, msg.version, &msg.exit);
		known = true;
		break;
	case MS_SHIM_HELLO:
		rd_hello(&rd, msg.version, &msg.hello);
		known = true;
		break;
	case MS_SHIM_LISTENER:
	case MS_SHIM_EXEC:
		known = msg.version >= 2;
		break;
	case MS_SHIM_NOTIFY:
		rd_notify(&rd, &msg.notify);
		known = msg.version >= 2;
		break;
	}
	if (!known || !ms_rd_done(&rd))
		return -EBADMSG;
	*ret = msg;
	return 0;
}
