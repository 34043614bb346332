/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-limits.c - manifest-limits.h. The bounds themselves stand in ms_limit_infos.
 */
#include "policy/manifest-limits.h"

/**
 * ms_manifest_limits_tell() - not such a value, or not one between @min and @max
 * @result: of ms_units_parse()
 */
void ms_manifest_limits_tell(struct ms_fields *f, const struct ms_json *value,
			     enum ms_units_kind kind, int result, uint64_t min, uint64_t max)
{
	char low[MS_UNITS_TEXT_BYTES], high[MS_UNITS_TEXT_BYTES];

	if (result)
		ms_fields_bad(f, value, NULL, "%s",
			      ms_units_why(kind, (enum ms_units_result)result));
	else
		ms_fields_bad(f, value, NULL, "%s to %s is accepted",
			      ms_units_format(kind, min, low), ms_units_format(kind, max, high));
}

/* A size may be a bare integer, a count must be one; the others are text with a unit. */
static uint32_t limit_types(enum ms_limit_unit unit)
{
	if (unit == MS_UNIT_COUNT_OF)
		return MS_T_INT;
	return unit == MS_UNIT_BYTES ? MS_T_STRING | MS_T_INT : MS_T_STRING;
}

static enum ms_units_kind limit_kind(enum ms_limit_unit unit)
{
	if (unit == MS_UNIT_PERCENT)
		return MS_UNITS_PERCENT;
	return unit == MS_UNIT_USEC ? MS_UNITS_DURATION : MS_UNITS_SIZE;
}

static void tell_limit(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_limit_info *info, int result)
{
	enum ms_units_kind kind = limit_kind(info->unit);

	if (info->unit == MS_UNIT_COUNT_OF)
		ms_fields_bad(f, value, NULL, "a whole number from %llu to %llu is accepted",
			      (unsigned long long)info->min, (unsigned long long)info->max);
	else if (!(limit_types(info->unit) & (1u << ms_json_type(value))))
		ms_fields_bad(f, value, NULL, "%s is accepted", ms_units_accepted(kind));
	else
		ms_manifest_limits_tell(f, value, kind, result, info->min, info->max);
}

static void set_limit(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field)
{
	const struct ms_limit_info *info = &ms_limit_infos[field->arg];
	struct ms_str text;
	uint64_t n = 0; /* below each minimum */
	int r = 0;

	if ((limit_types(info->unit) & MS_T_STRING) && ms_json_type(value) == MS_JSON_STRING) {
		text = ms_json_str(value);
		r = ms_units_parse(limit_kind(info->unit), text.p, text.len, &n);
	} else if ((limit_types(info->unit) & MS_T_INT) && ms_json_type(value) == MS_JSON_INT &&
		   ms_json_int(value) > 0) {
		n = (uint64_t)ms_json_int(value);
	}
	if (r || n < info->min || n > info->max)
		tell_limit(f, value, info, r);
	else
		f->m->limits[field->arg] = (struct ms_limit){.set = true, .value = n};
	if (field->arg == MS_LIMIT_DISK)
		ms_fields_unsupported(f, value, "leave the key out",
				      "limits.disk: this build does not bound what write paths "
				      "hold");
}

/**
 * ms_manifest_limits_set() - the object "limits"
 */
void ms_manifest_limits_set(struct ms_fields *f, const struct ms_json *value,
			    const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"memory", MS_T_ANY, set_limit, MS_LIMIT_MEMORY, false},
		{"cpu", MS_T_ANY, set_limit, MS_LIMIT_CPU, false},
		{"openFiles", MS_T_ANY, set_limit, MS_LIMIT_OPEN_FILES, false},
		{"connections", MS_T_ANY, set_limit, MS_LIMIT_CONNECTIONS, false},
		{"processes", MS_T_ANY, set_limit, MS_LIMIT_PROCESSES, false},
		{"tmp", MS_T_ANY, set_limit, MS_LIMIT_TMP, false},
		{"disk", MS_T_ANY, set_limit, MS_LIMIT_DISK, false},
		{"cpuTimePerRequest", MS_T_ANY, set_limit, MS_LIMIT_CPU_TIME, false},
		{"wallTimePerRequest", MS_T_ANY, set_limit, MS_LIMIT_WALL_TIME, false},
	};

	_Static_assert(MS_ARRAY_LEN(rows) == MS_LIMIT_COUNT, "one row a limit");
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

/**
 * ms_manifest_limits_finish() - limits of a request need a mode that has requests
 */
void ms_manifest_limits_finish(struct ms_fields *f, const struct ms_json *root)
{
	static const enum ms_limit_id ids[] = {MS_LIMIT_CPU_TIME, MS_LIMIT_WALL_TIME};
	const struct ms_json *limits;

	if (!f->m->has_entry || f->m->mode != MS_MODE_SERVICE)
		return;
	limits = ms_json_get(root, "limits");
	if (!limits || ms_json_type(limits) != MS_JSON_OBJECT)
		return;
	for (size_t i = 0; i < MS_ARRAY_LEN(ids); i++) {
		const struct ms_json *value = ms_json_get(limits, ms_limit_infos[ids[i]].key);

		if (value)
			ms_fields_bad(f, value,
				      "leave it out, or write \"mode\": \"oneshot\" if each "
				      "request is a process of its own",
				      "%s belongs to workers and one-shots; a service answers many "
				      "requests at once and has no request to measure",
				      ms_limit_infos[ids[i]].key);
	}
}
