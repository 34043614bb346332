/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * semver.c - semver.h. A range is alternatives joined by "||", an alternative is comparators that
 * must all hold. Each of npm's short forms stands for one or two plain comparators, which are
 * tested as they are read:
 *
 *   ^1.2.3  >=1.2.3 <2.0.0-0      ~1.2    >=1.2.0 <1.3.0-0      1.2 - 2   >=1.2.0 <3.0.0-0
 *   ^0.2.3  >=0.2.3 <0.3.0-0      1.x     >=1.0.0 <2.0.0-0      >1.2      >=1.3.0
 */
#include "policy/semver.h"

#include <string.h>

#include "lib/num.h"
#include "modsup/limits.h"

struct scan {
	const char *p;
	size_t len, off;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_ident(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek(const struct scan *s)
{
	return s->off < s->len ? s->p[s->off] : '\0';
}

static bool take(struct scan *s, char c)
{
	if (s->off >= s->len || s->p[s->off] != c)
		return false;
	s->off++;
	return true;
}

static bool skip_space(struct scan *s)
{
	size_t start = s->off;

	while (s->off < s->len && is_space(s->p[s->off]))
		s->off++;
	return s->off != start;
}

static bool take_number(struct scan *s, uint64_t *ret)
{
	size_t start = s->off;

	while (s->off < s->len && is_digit(s->p[s->off]))
		s->off++;
	return ms_parse_u64(s->p + start, s->off - start, 0, MS_SEMVER_MAX_NUMBER, ret) == 0;
}

static bool all_digits(struct ms_str id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (!is_digit(id.p[i]))
			return false;
	}
	return id.len > 0;
}

/* The identifier at @off of a dotted list; *off moves behind its dot. */
static struct ms_str next_ident(struct ms_str list, size_t *off)
{
	size_t start = *off, end = start;

	while (end < list.len && list.p[end] != '.')
		end++;
	*off = end + 1;
	return (struct ms_str){.p = list.p + start, .len = end - start};
}

/* Dotted identifiers after a '-' or '+'; numeric ones of a pre-release have no leading zero. */
static bool take_idents(struct scan *s, bool pre, struct ms_str *ret)
{
	struct ms_str list = {.p = s->p + s->off};

	while (s->off < s->len && (is_ident(s->p[s->off]) || s->p[s->off] == '.'))
		s->off++;
	list.len = (size_t)(s->p + s->off - list.p);
	for (size_t off = 0; off <= list.len;) {
		struct ms_str id = next_ident(list, &off);

		if (!id.len || (pre && id.len > 1 && id.p[0] == '0' && all_digits(id)))
			return false;
	}
	*ret = list;
	return true;
}

static bool take_suffixes(struct scan *s, struct ms_semver *v)
{
	if (take(s, '-') && !take_idents(s, /* pre= */ true, &v->pre))
		return false;
	return !take(s, '+') || take_idents(s, /* pre= */ false, &v->build);
}

/**
 * ms_semver_parse() - one version, nothing around it
 * Return: 0, or -EINVAL.
 */
int ms_semver_parse(const char *p, size_t len, struct ms_semver *ret)
{
	struct scan s = {.p = p, .len = len};
	struct ms_semver v = {.pre = {.p = ""}, .build = {.p = ""}};

	if (len > MS_MAX_VERSION_BYTES || !take_number(&s, &v.major) || !take(&s, '.') ||
	    !take_number(&s, &v.minor) || !take(&s, '.') || !take_number(&s, &v.patch) ||
	    !take_suffixes(&s, &v) || s.off != s.len)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int compare_bytes(struct ms_str a, struct ms_str b)
{
	int r = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	if (r)
		return r;
	return a.len < b.len ? -1 : a.len > b.len;
}

static int compare_ident(struct ms_str a, struct ms_str b)
{
	bool a_num = all_digits(a), b_num = all_digits(b);

	if (a_num != b_num)
		return a_num ? -1 : 1;
	/* no leading zeros: the longer number is the greater, however long */
	if (a_num && a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return compare_bytes(a, b);
}

static int compare_pre(struct ms_str a, struct ms_str b)
{
	size_t i = 0, j = 0;

	if (!a.len || !b.len)
		return a.len ? -1 : b.len > 0; /* a release is above its pre-releases */
	while (i <= a.len && j <= b.len) {
		int r = compare_ident(next_ident(a, &i), next_ident(b, &j));

		if (r)
			return r;
	}
	return i <= a.len ? 1 : j <= b.len ? -1 : 0;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/**
 * ms_semver_compare() - precedence; build metadata does not count
 * Return: below, equal to or above zero.
 */
int ms_semver_compare(const struct ms_semver *a, const struct ms_semver *b)
{
	int r = compare_u64(a->major, b->major);

	if (!r)
		r = compare_u64(a->minor, b->minor);
	if (!r)
		r = compare_u64(a->patch, b->patch);
	return r ? r : compare_pre(a->pre, b->pre);
}

enum op { OP_NONE, OP_EQ, OP_LT, OP_LE, OP_GT, OP_GE, OP_TILDE, OP_CARET };

/* A version with parts left out or given as x, X or *. @n: how many leading parts are numbers. */
struct partial {
	struct ms_semver v;
	uint32_t n;
	bool plain; /* nothing but an optional "v" before it, which npm asks of whole versions */
	bool gap;   /* a number behind an x: means nothing after ^ ~ and around -, else refused */
};

/* One alternative while it is read: does @version (NULL: grammar only) fulfil it so far? */
struct set {
	const struct ms_semver *version;
	bool any_pre;
	bool fails, pre_named;
};

static bool holds(enum op op, int cmp)
{
	switch (op) {
	case OP_LT:
		return cmp < 0;
	case OP_LE:
		return cmp <= 0;
	case OP_GT:
		return cmp > 0;
	case OP_GE:
		return cmp >= 0;
	case OP_NONE:
	case OP_EQ:
	case OP_TILDE:
	case OP_CARET:
		break;
	}
	return cmp == 0;
}

/* A plain comparator of the alternative. False: a number has left npm's range. */
static bool require(struct set *set, enum op op, struct ms_semver bound)
{
	const struct ms_semver *v = set->version;

	if (bound.major > MS_SEMVER_MAX_NUMBER || bound.minor > MS_SEMVER_MAX_NUMBER ||
	    bound.patch > MS_SEMVER_MAX_NUMBER)
		return false;
	if (!v)
		return true;
	if (!holds(op, ms_semver_compare(v, &bound)))
		set->fails = true;
	if (bound.pre.len && v->major == bound.major && v->minor == bound.minor &&
	    v->patch == bound.patch)
		set->pre_named = true;
	return true;
}

/* @p with the parts that it leaves out as zero. @lowest: from its first pre-release on. */
static struct ms_semver floor_of(const struct partial *p, bool lowest)
{
	struct ms_semver v = {
		.major = p->n > 0 ? p->v.major : 0,
		.minor = p->n > 1 ? p->v.minor : 0,
		.patch = p->n > 2 ? p->v.patch : 0,
		.pre = {.p = ""},
		.build = {.p = ""},
	};

	if (lowest)
		v.pre = (struct ms_str){.p = "0", .len = 1};
	return v;
}

/* The first version (its lowest pre-release) that no longer starts with the first @n parts of @p.
 */
static struct ms_semver ceiling_of(const struct partial *p, uint32_t n)
{
	struct partial cut = {.v = p->v, .n = n};
	struct ms_semver v = floor_of(&cut, /* lowest= */ true);

	if (n == 1)
		v.major++;
	else if (n == 2)
		v.minor++;
	else
		v.patch++;
	return v;
}

static bool is_x(char c)
{
	return c == 'x' || c == 'X' || c == '*';
}

static bool take_part(struct scan *s, struct partial *p, uint32_t i, uint64_t *part)
{
	if (is_x(peek(s))) {
		s->off++;
		return true;
	}
	if (!take_number(s, part))
		return false;
	p->gap = p->gap || p->n != i;
	if (!p->gap)
		p->n = i + 1;
	return true;
}

static bool take_partial(struct scan *s, struct partial *ret)
{
	struct partial p = {.v = {.pre = {.p = ""}, .build = {.p = ""}}, .plain = true};
	size_t start = s->off;

	while (peek(s) == 'v' || peek(s) == '=')
		s->off++;
	p.plain = s->off == start || (s->off == start + 1 && s->p[start] == 'v');
	if (!take_part(s, &p, 0, &p.v.major))
		return false;
	if (take(s, '.')) {
		if (!take_part(s, &p, 1, &p.v.minor))
			return false;
		if (take(s, '.') && (!take_part(s, &p, 2, &p.v.patch) || !take_suffixes(s, &p.v)))
			return false;
	}
	if (p.n < 3)
		p.v.pre = (struct ms_str){.p = ""};
	if (s->off < s->len && !is_space(s->p[s->off]))
		return false;
	*ret = p;
	return true;
}

static bool add_caret(struct set *set, const struct partial *p)
{
	/* what may not change: the first number that is not zero, or the last one given */
	uint32_t fixed = p->v.major || p->n == 1 ? 1 : p->v.minor || p->n == 2 ? 2 : 3;
	struct ms_semver low = floor_of(p, set->any_pre && (p->n < 3 || !p->v.major));

	if (!p->n)
		return true;
	if (p->v.pre.len)
		low.pre = p->v.pre;
	return require(set, OP_GE, low) && require(set, OP_LT, ceiling_of(p, fixed));
}

static bool add_tilde(struct set *set, const struct partial *p)
{
	struct ms_semver low = floor_of(p, set->any_pre && p->n < 3);

	if (!p->n)
		return true;
	if (p->n == 3)
		low.pre = p->v.pre;
	return require(set, OP_GE, low) && require(set, OP_LT, ceiling_of(p, p->n > 1 ? 2 : 1));
}

/* An operator before a version with parts left out. */
static bool add_partial(struct set *set, enum op op, const struct partial *p)
{
	struct ms_semver nothing = {.pre = {.p = "0", .len = 1}};

	if (!p->n) /* below or above everything there is: nothing; else anything */
		return (op != OP_LT && op != OP_GT) || require(set, OP_LT, nothing);
	switch (op) {
	case OP_GT: {
		struct ms_semver next = ceiling_of(p, p->n);

		if (!set->any_pre)
			next.pre = (struct ms_str){.p = ""};
		return require(set, OP_GE, next);
	}
	case OP_LE:
		return require(set, OP_LT, ceiling_of(p, p->n));
	case OP_LT:
		return require(set, OP_LT, floor_of(p, /* lowest= */ true));
	case OP_GE:
		return require(set, OP_GE, floor_of(p, set->any_pre));
	case OP_NONE:
	case OP_EQ:
	case OP_TILDE:
	case OP_CARET:
		break;
	}
	return require(set, OP_GE, floor_of(p, set->any_pre)) &&
	       require(set, OP_LT, ceiling_of(p, p->n));
}

static bool add_simple(struct set *set, enum op op, const struct partial *p)
{
	if (op == OP_CARET)
		return add_caret(set, p);
	if (op == OP_TILDE)
		return add_tilde(set, p);
	if (p->n < 3)
		return !p->gap && add_partial(set, op, p);
	return p->plain && require(set, op == OP_NONE ? OP_EQ : op, p->v);
}

/* The operator at the front. "> =1.2.3" is ">=" to npm, "> = 1.2.3" is not a range. */
static enum op take_op(struct scan *s)
{
	enum op op = OP_NONE;
	bool gap;

	if (take(s, '^'))
		op = OP_CARET;
	else if (take(s, '~'))
		op = OP_TILDE;
	else if (take(s, '<'))
		op = OP_LT;
	else if (take(s, '>'))
		op = OP_GT;
	else if (take(s, '='))
		op = OP_EQ;
	else
		return OP_NONE;
	gap = skip_space(s);
	if (op == OP_TILDE && take(s, '>'))
		gap = skip_space(s);
	if ((op == OP_LT || op == OP_GT) && take(s, '=')) {
		op = op == OP_LT ? OP_LE : OP_GE;
		if (!gap)
			(void)skip_space(s); /* whether there was any does not matter */
	}
	return op;
}

static bool add_hyphen(struct set *set, const struct partial *low, const struct partial *high)
{
	struct ms_semver from = floor_of(low, set->any_pre);

	if ((low->n == 3 && !low->plain) || (high->n == 3 && !high->plain && !high->v.pre.len))
		return false;
	if (low->v.pre.len)
		from.pre = low->v.pre;
	if (low->n && !require(set, OP_GE, from))
		return false;
	if (!high->n)
		return true;
	if (high->n < 3 || (set->any_pre && !high->v.pre.len))
		return require(set, OP_LT, ceiling_of(high, high->n));
	return require(set, OP_LE, high->v);
}

/* "A - B", and nothing else in the alternative. 1 when it was one, 0 when not, -1 bad. */
static int take_hyphen(struct scan s, struct set *set)
{
	struct partial low, high;

	if (!take_partial(&s, &low) || !skip_space(&s) || !take(&s, '-') || !skip_space(&s))
		return 0;
	if (!take_partial(&s, &high))
		return -1;
	(void)skip_space(&s); /* trailing space means nothing */
	return s.off == s.len && add_hyphen(set, &low, &high) ? 1 : -1;
}

/* False: not an alternative of any range. */
static bool read_set(struct scan s, struct set *set)
{
	struct partial p;
	int r;

	(void)skip_space(&s); /* leading space means nothing */
	if (s.off == s.len)
		return true;
	r = take_hyphen(s, set);
	if (r)
		return r > 0;
	while (s.off < s.len) {
		enum op op = take_op(&s);

		if (!take_partial(&s, &p) || !add_simple(set, op, &p))
			return false;
		(void)skip_space(&s); /* take_partial() saw that there is some, or the end */
	}
	return true;
}

/* -EINVAL, else whether some alternative holds. */
static int read_range(const char *p, size_t len, const struct ms_semver *version, bool any_pre)
{
	bool found = false;

	if (len > MS_MAX_RANGE_BYTES)
		return -EINVAL;
	for (size_t start = 0; start <= len;) {
		struct set set = {.version = version, .any_pre = any_pre};
		size_t end = start;

		while (end < len && !(p[end] == '|' && end + 1 < len && p[end + 1] == '|'))
			end++;
		if (!read_set((struct scan){.p = p + start, .len = end - start}, &set))
			return -EINVAL;
		if (version && !set.fails && (!version->pre.len || any_pre || set.pre_named))
			found = true;
		start = end + 2;
		if (end == len)
			break;
	}
	return found;
}

/**
 * ms_range_verify() - is this text a range?
 */
bool ms_range_verify(const char *p, size_t len)
{
	return read_range(p, len, /* version= */ NULL, /* any_pre= */ false) >= 0;
}

/**
 * ms_range_match() - does @version lie in the range?
 * @any_pre: pre-releases count like releases
 */
bool ms_range_match(const char *p, size_t len, const struct ms_semver *version, bool any_pre)
{
	return read_range(p, len, version, any_pre) == 1;
}
