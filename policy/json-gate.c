/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-gate.c - the structure of a JSON text: every value gets a row with its place, its key and
 * its container; what json-c would let pass is refused here. It never recurses: the table of values
 * is the stack. Where a mistake has one obvious reading (a comma too many or too few, a comment, a
 * bad string) it is told and scanning goes on, so that one run tells most errors.
 *
 *   VALUE ----> AFTER_VALUE --','--> KEY (object) or VALUE (array)
 *     | '{'         | '}' ']'
 *     v             v
 *   KEY_OR_END    AFTER_VALUE of the container, or END
 *
 * Called by json.c only.
 */
#include "policy/json-gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "policy/json-lex.h"

enum state { VALUE, VALUE_OR_END, KEY, KEY_OR_END, AFTER_VALUE, END };

#define NO_NODE UINT32_MAX

struct scan {
	struct ms_json_lex lex;
	struct ms_json_gate gate;
	struct ms_doc_limits limits;
	enum ms_reason reason;
	struct ms_report *report; /* borrowed */
	size_t text_len;
	enum state state;
	uint32_t open; /* innermost container, or NO_NODE */
	uint32_t depth;
	int result; /* 0, MS_DOC_INVALID, -ENOMEM */
	bool stop;

	/* the member that is being read */
	struct ms_str key;
	uint32_t key_line, key_column;
};

/**
 * ms_json_gate_done() - free the table; half-built is fine.
 */
void ms_json_gate_done(struct ms_json_gate *gate)
{
	free(gate->nodes);
	free(gate->kids);
	free(gate->text);
	*gate = (struct ms_json_gate){0};
}

/* One token of a pointer, written so that it ends at @end; its length, or 0 when it does not fit.
 */
static size_t put_token(const struct ms_json *node, char *out, size_t end)
{
	char digits[12];
	const char *p = digits;
	size_t len, at = end;

	if (node->keyed) {
		p = node->key.p;
		len = node->key.len;
	} else {
		len = (size_t)snprintf(digits, sizeof(digits), "%u", node->place);
	}
	while (len--) {
		bool special = p[len] == '~' || p[len] == '/';

		if (at < (special ? 3u : 2u))
			return 0;
		out[--at] = p[len] == '~' ? '0' : p[len] == '/' ? '1' : p[len];
		if (special)
			out[--at] = '~';
	}
	if (!at)
		return 0;
	out[--at] = '/';
	return end - at;
}

/**
 * ms_json_gate_pointer() - the JSON pointer of a value, built from its end.
 * @out: the result points into it.
 *
 * Where it would not fit, it is that of the nearest container whose pointer does.
 */
struct ms_str ms_json_gate_pointer(const struct ms_json *nodes, uint32_t index,
				   char out[static MS_MAX_JSON_POINTER])
{
	for (;; index = nodes[index].parent) {
		size_t at = MS_MAX_JSON_POINTER;
		uint32_t i = index;

		while (i) {
			size_t n = put_token(&nodes[i], out, at);

			if (!n)
				break;
			at -= n;
			i = nodes[i].parent;
		}
		if (!i)
			return (struct ms_str){.p = out + at, .len = MS_MAX_JSON_POINTER - at};
	}
}

/* Tell one error at a place; @node names the value (NO_NODE: the whole document). */
MS_PRINTF(6, 7)
static void say(struct scan *s, uint32_t node, uint32_t line, uint32_t column, const char *hint,
		const char *fmt, ...)
{
	char msg[320], space[MS_MAX_JSON_POINTER];
	struct ms_str pointer = {.p = "", .len = 0};
	va_list ap;

	if (node != NO_NODE)
		pointer = ms_json_gate_pointer(s->gate.nodes, node, space);
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	ms_report_add(s->report, s->reason, line, column, pointer, hint, "%s", msg);
	if (!s->result)
		s->result = MS_DOC_INVALID;
}

/* Tell what the lexer found; nothing to do after 0. */
static void say_lex(struct scan *s, uint32_t node, int r)
{
	if (!r)
		return;
	say(s, node, s->lex.bad_line, s->lex.bad_column, s->lex.hint, "%s", s->lex.msg);
	if (r == MS_JSON_LEX_STOP)
		s->stop = true;
}

/* Tell that the character at the cursor does not belong there, and end. */
static void say_unexpected(struct scan *s, uint32_t node, const char *accepted)
{
	char found[48];

	say(s, node, s->lex.line, s->lex.column, NULL, "found %s; accepted: %s",
	    ms_json_lex_found(&s->lex, found, sizeof(found)), accepted);
	s->stop = true;
}

static bool in_object(const struct scan *s)
{
	return s->open != NO_NODE && s->gate.nodes[s->open].type == MS_JSON_OBJECT;
}

static bool grow(struct scan *s)
{
	uint32_t cap = s->gate.cap_nodes ? s->gate.cap_nodes * 2 : 64;
	struct ms_json *nodes;

	if (s->gate.n_nodes < s->gate.cap_nodes)
		return true;
	nodes = reallocarray(s->gate.nodes, cap, sizeof(*nodes));
	if (!nodes) {
		s->result = -ENOMEM;
		s->stop = true;
		return false;
	}
	s->gate.nodes = nodes;
	s->gate.cap_nodes = cap;
	return true;
}

/* A row for the value at the cursor; NO_NODE when there is no room, and then the scan is over. */
static uint32_t add_value(struct scan *s, enum ms_json_type type)
{
	uint32_t i = s->gate.n_nodes,
		 most = s->limits.max_values ? s->limits.max_values : MS_MAX_JSON_NODES;
	struct ms_json node = {.type = type, .line = s->lex.line, .column = s->lex.column};

	if (i == most) {
		say(s, s->open, s->lex.line, s->lex.column, NULL,
		    "found more than %u values in one document", most);
		s->stop = true;
		return NO_NODE;
	}
	if (!grow(s))
		return NO_NODE;
	if (s->open != NO_NODE) {
		node.parent = s->open;
		node.place = s->gate.nodes[s->open].n_kids++;
		node.keyed = in_object(s);
		node.key = s->key;
		node.key_line = s->key_line;
		node.key_column = s->key_column;
	}
	s->gate.nodes[i] = node;
	s->gate.n_nodes++;
	s->state = s->open == NO_NODE ? END : AFTER_VALUE;
	return i;
}

/* Keep @len decoded bytes that stand at the end of the text, with a NUL. */
static struct ms_str keep_text(struct scan *s, size_t len)
{
	struct ms_str kept = {.p = s->gate.text + s->text_len, .len = len};

	s->gate.text[s->text_len + len] = '\0';
	s->text_len += len + 1;
	return kept;
}

static void open_container(struct scan *s, enum ms_json_type type)
{
	uint32_t i = add_value(s, type);

	if (i == NO_NODE)
		return;
	if (s->depth == s->limits.max_depth) {
		say(s, i, s->lex.line, s->lex.column, NULL,
		    "found more than %u levels of arrays and objects", s->limits.max_depth);
		s->stop = true;
		return;
	}
	s->depth++;
	s->open = i;
	s->state = type == MS_JSON_OBJECT ? KEY_OR_END : VALUE_OR_END;
	ms_json_lex_step(&s->lex);
}

static void close_container(struct scan *s)
{
	uint32_t closed = s->open;

	ms_json_lex_step(&s->lex);
	s->depth--;
	s->open = closed ? s->gate.nodes[closed].parent : NO_NODE;
	s->state = closed ? AFTER_VALUE : END;
}

static void read_string(struct scan *s)
{
	uint32_t i = add_value(s, MS_JSON_STRING);
	size_t len = 0;

	if (i == NO_NODE)
		return;
	say_lex(s, i, ms_json_lex_string(&s->lex, s->gate.text + s->text_len, &len));
	s->gate.nodes[i].decoded_len = len;
}

static void read_number(struct scan *s)
{
	uint32_t i = add_value(s, MS_JSON_INT);
	struct ms_json_number number;
	int r;

	if (i == NO_NODE)
		return;
	r = ms_json_lex_number(&s->lex, &number);
	say_lex(s, i, r);
	if (r || number.is_int)
		return;
	s->gate.nodes[i].type = MS_JSON_DOUBLE;
	memcpy(s->gate.text + s->text_len, number.p, number.len);
	s->gate.nodes[i].number = keep_text(s, number.len);
}

static bool is_word(struct ms_str word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.p, text, word.len) == 0;
}

/* true, false, null, or what people write in their place. */
static void read_word(struct scan *s)
{
	uint32_t i = add_value(s, MS_JSON_NULL), line = s->lex.line, column = s->lex.column;
	struct ms_str word = ms_json_lex_word(&s->lex);
	char shown[64];

	if (i == NO_NODE)
		return;
	if (is_word(word, "true") || is_word(word, "false"))
		s->gate.nodes[i].type = MS_JSON_BOOL;
	else if (!word.len)
		say_unexpected(s, i,
			       "a value (a string in double quotes, a number, true, false, "
			       "null, [ or {)");
	else if (!is_word(word, "null"))
		say(s, i, line, column, "put a text into double quotes",
		    "found %s; accepted: a value (a string in double quotes, a number, true, "
		    "false, null, [ or {)",
		    ms_log_quote(word.p, MS_MIN(word.len, (size_t)40), shown, sizeof(shown)));
}

static void read_value(struct scan *s)
{
	int c = ms_json_lex_peek(&s->lex);

	if (c == ']' && !in_object(s) && s->open != NO_NODE) {
		if (s->state == VALUE)
			say(s, s->open, s->lex.line, s->lex.column, "remove the comma before it",
			    "found ']' after a comma");
		close_container(s);
	} else if (c == '{') {
		open_container(s, MS_JSON_OBJECT);
	} else if (c == '[') {
		open_container(s, MS_JSON_ARRAY);
	} else if (c == '"') {
		read_string(s);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		read_number(s);
	} else {
		read_word(s);
	}
}

/* The colon after a key; a missing one is told and taken as written when a value follows. */
static void read_colon(struct scan *s)
{
	for (int r = 1; r && !s->stop;) {
		r = ms_json_lex_space(&s->lex);
		say_lex(s, s->open, r);
	}
	if (s->stop)
		return;
	if (ms_json_lex_peek(&s->lex) != ':') {
		say_unexpected(s, s->open, "':' between a key and its value");
		return;
	}
	ms_json_lex_step(&s->lex);
	s->state = VALUE;
}

static void read_key(struct scan *s)
{
	int c = ms_json_lex_peek(&s->lex), r = 0;
	struct ms_str word;
	size_t len = 0;

	s->key_line = s->lex.line;
	s->key_column = s->lex.column;
	if (c == '}') {
		if (s->state == KEY)
			say(s, s->open, s->lex.line, s->lex.column, "remove the comma before it",
			    "found '}' after a comma");
		close_container(s);
		return;
	}
	if (c == '"') {
		r = ms_json_lex_string(&s->lex, s->gate.text + s->text_len, &len);
	} else {
		word = ms_json_lex_word(&s->lex);
		if (!word.len) {
			say_unexpected(s, s->open, "a key in double quotes");
			return;
		}
		say(s, s->open, s->key_line, s->key_column, "put it into double quotes",
		    "found a key without quotes");
		memcpy(s->gate.text + s->text_len, word.p, word.len);
		len = word.len;
	}
	say_lex(s, s->open, r);
	if (s->stop)
		return;
	s->key = keep_text(s, len);
	read_colon(s);
}

static void read_after_value(struct scan *s)
{
	int c = ms_json_lex_peek(&s->lex);
	bool object = in_object(s);

	if (c == ',') {
		ms_json_lex_step(&s->lex);
		s->state = object ? KEY : VALUE;
	} else if (c == (object ? '}' : ']')) {
		close_container(s);
	} else if (c == '"') {
		say(s, s->open, s->lex.line, s->lex.column, "put a comma before it",
		    "found a string right after a value");
		s->state = object ? KEY : VALUE;
	} else {
		say_unexpected(s, s->open,
			       object ? "',' or '}' after a value" : "',' or ']' after a value");
	}
}

static void step(struct scan *s)
{
	int r = ms_json_lex_space(&s->lex);

	say_lex(s, s->open, r);
	if (r)
		return;
	switch (s->state) {
	case VALUE:
	case VALUE_OR_END:
		read_value(s);
		return;
	case KEY:
	case KEY_OR_END:
		read_key(s);
		return;
	case AFTER_VALUE:
		read_after_value(s);
		return;
	case END:
		if (!ms_json_lex_end(&s->lex))
			say_unexpected(s, s->open, "nothing but white space after the document");
		s->stop = true;
		return;
	}
}

/* What an editor may have put at the front. */
static void read_start(struct scan *s)
{
	const char *data = s->lex.data;
	size_t len = s->lex.len;

	if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
		say(s, NO_NODE, 1, 1, "save the file as UTF-8 without one",
		    "found a byte order mark");
		s->lex.pos = 3;
	} else if (len >= 2 &&
		   (data[0] == '\0' || data[1] == '\0' || memcmp(data, "\xff\xfe", 2) == 0 ||
		    memcmp(data, "\xfe\xff", 2) == 0)) {
		say(s, NO_NODE, 1, 1, "save the file as UTF-8",
		    "found UTF-16 or binary data; a JSON text in UTF-8 is accepted");
		s->stop = true;
	}
}

/* Keys of one object together, equal ones in document order. */
static int by_key(const void *a, const void *b)
{
	const struct ms_json *x = *(struct ms_json *const *)a, *y = *(struct ms_json *const *)b;
	int r;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	r = memcmp(x->key.p, y->key.p, MS_MIN(x->key.len, y->key.len));
	if (r)
		return r;
	if (x->key.len != y->key.len)
		return x->key.len < y->key.len ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static bool same_key(const struct ms_json *x, const struct ms_json *y)
{
	return x->parent == y->parent && x->key.len == y->key.len &&
	       memcmp(x->key.p, y->key.p, x->key.len) == 0;
}

/* Mark each member whose key stood before; n log n whatever an author writes. */
static int mark_duplicates(struct ms_json_gate *gate)
{
	ms_auto_free struct ms_json **sorted = ms_alloc_array(gate->n_nodes, sizeof(*sorted));
	uint32_t n = 0, first = 0;

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < gate->n_nodes; i++) {
		if (gate->nodes[i].keyed)
			sorted[n++] = &gate->nodes[i];
	}
	qsort(sorted, n, sizeof(struct ms_json *), by_key);
	for (uint32_t i = 1; i < n; i++) {
		if (same_key(sorted[first], sorted[i]))
			sorted[i]->same_as = (uint32_t)(sorted[first] - gate->nodes);
		else
			first = i;
	}
	return 0;
}

static void say_duplicates(struct scan *s)
{
	char shown[80];

	if (mark_duplicates(&s->gate) < 0) {
		s->result = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < s->gate.n_nodes; i++) {
		const struct ms_json *node = &s->gate.nodes[i];
		const struct ms_json *first = &s->gate.nodes[node->same_as];

		if (!node->same_as)
			continue;
		say(s, i, node->key_line, node->key_column, "remove one of the two",
		    "found the key \"%s\" a second time; it stands already at %u:%u",
		    ms_log_quote(node->key.p, MS_MIN(node->key.len, (size_t)64), shown,
				 sizeof(shown)),
		    first->key_line, first->key_column);
	}
}

/* The members of each container side by side, so that the n-th is found at once. */
static int index_kids(struct ms_json_gate *gate)
{
	struct ms_json **at;

	gate->kids = ms_alloc_array(gate->n_nodes, sizeof(struct ms_json *));
	if (!gate->kids)
		return -ENOMEM;
	at = gate->kids;
	for (uint32_t i = 0; i < gate->n_nodes; i++) {
		gate->nodes[i].kids = at;
		at += gate->nodes[i].n_kids;
	}
	for (uint32_t i = 1; i < gate->n_nodes; i++) {
		struct ms_json *node = &gate->nodes[i];

		gate->nodes[node->parent].kids[node->place] = node;
	}
	return 0;
}

static void scan(struct scan *s)
{
	read_start(s);
	while (!s->stop)
		step(s);
	if (s->result >= 0)
		say_duplicates(s);
	ms_report_sort(s->report);
	if (!s->result)
		s->result = index_kids(&s->gate);
}

/**
 * ms_json_gate_scan() - one JSON text, strictly.
 * @limits: its size and depth; a text that is too long is not looked into.
 * @reason: given to each error.
 *
 * Return: 0 and a table owned by the caller, MS_DOC_INVALID, or -ENOMEM.
 */
int ms_json_gate_scan(const char *data, size_t len, struct ms_doc_limits limits,
		      enum ms_reason reason, struct ms_report *report, struct ms_json_gate *ret)
{
	struct scan s = {.limits = limits, .reason = reason, .report = report, .open = NO_NODE};

	ms_json_lex_init(&s.lex, data, len);
	if (len > limits.max_bytes) {
		say(&s, NO_NODE, 1, 1, NULL, "found %zu bytes; at most %zu are accepted", len,
		    limits.max_bytes);
		return s.result;
	}
	/* decoding never lengthens; a number and its NUL need one byte more than its characters,
	 * which the character after it, or the 2 here, gives */
	s.gate.text = malloc(len + 2);
	if (!s.gate.text)
		return -ENOMEM;
	scan(&s);
	if (s.result) {
		ms_json_gate_done(&s.gate);
		return s.result;
	}
	*ret = s.gate;
	return 0;
}
