/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * digest.c - see digest.h. Recursion is as deep as the document, which its limits bound. Called by
 * the keys of requests.
 */
#include "policy/digest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MS_DIGEST_BYTES == crypto_hash_sha256_BYTES, "SHA-256");

struct member {
	struct ms_str key;
	const struct ms_json *value;
};

/** ms_digest_bytes() - SHA-256. */
void ms_digest_bytes(const void *data, size_t len, struct ms_digest *ret)
{
	(void)crypto_hash_sha256(ret->bytes, data, len); /* cannot fail */
}

/** ms_digest_same() - the same? Nothing secret is compared. */
bool ms_digest_same(const struct ms_digest *a, const struct ms_digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static int by_key(const void *a, const void *b)
{
	const struct ms_str *x = &((const struct member *)a)->key,
			    *y = &((const struct member *)b)->key;
	int r = memcmp(x->p, y->p, MS_MIN(x->len, y->len));

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static bool put_value(struct ms_jw *jw, const char *key, const struct ms_json *value,
		      const char *but);

static bool put_object(struct ms_jw *jw, const char *key, const struct ms_json *object,
		       const char *but)
{
	size_t n = ms_json_count(object);
	ms_auto_free struct member *members = calloc(n + 1, sizeof(*members));
	bool good = members != NULL;

	for (size_t i = 0; good && i < n; i++)
		members[i].value = ms_json_member(object, i, &members[i].key);
	if (good && n > 1)
		qsort(members, n, sizeof(*members), by_key);
	ms_jw_object(jw, key);
	for (size_t i = 0; good && i < n; i++)
		if (!but || strcmp(members[i].key.p, but) != 0)
			good = put_value(jw, members[i].key.p, members[i].value, NULL);
	ms_jw_end(jw);
	return good;
}

static bool put_value(struct ms_jw *jw, const char *key, const struct ms_json *value,
		      const char *but)
{
	bool good = true;

	switch (ms_json_type(value)) {
	case MS_JSON_OBJECT:
		return put_object(jw, key, value, but);
	case MS_JSON_ARRAY:
		ms_jw_array(jw, key);
		for (size_t i = 0; good && i < ms_json_count(value); i++)
			good = put_value(jw, NULL, ms_json_at(value, i), NULL);
		ms_jw_end(jw);
		return good;
	case MS_JSON_NULL:
	case MS_JSON_BOOL:
	case MS_JSON_INT:
	case MS_JSON_DOUBLE:
	case MS_JSON_STRING:
		break;
	}
	ms_jw_value(jw, key, value);
	return true;
}

/**
 * ms_digest_json() - SHA-256 of what a value says.
 * @what: goes in front of it
 * @value: NULL is an empty object
 * @but: a member of @value that does not count, or NULL
 * Return: 0 or -ENOMEM.
 */
int ms_digest_json(const char *what, const struct ms_json *value, const char *but,
		   struct ms_digest *ret)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto_free char *text = NULL;
	size_t len = 0;
	bool good = jw != NULL;

	if (good) {
		ms_jw_array(jw, NULL);
		ms_jw_text(jw, NULL, what);
		if (value) {
			good = put_value(jw, NULL, value, but);
		} else {
			ms_jw_object(jw, NULL);
			ms_jw_end(jw);
		}
		ms_jw_end(jw);
		text = good ? ms_jw_take(jw, MS_JW_LINE, &len) : NULL;
	}
	if (!text)
		return -ENOMEM;
	ms_digest_bytes(text, len, ret);
	return 0;
}
