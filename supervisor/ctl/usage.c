/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage.c - rows of figures for people. Names come from the supervisor, which checked them when it
 * read a manifest; they are escaped by the table all the same.
 */
#include "supervisor/ctl/usage.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

static const char *const titles[] = {"NAME", "STATE", "CPU%", "MEMORY", "PROCS", "UPTIME"};
#define RIGHT  (1u << 2 | 1u << 3 | 1u << 4 | 1u << 5)
#define SHRINK (1u << 0)

void ms_usage_done(struct ms_usage *usage)
{
	for (size_t i = 0; i < usage->n; i++)
		free(usage->rows[i].name);
	free(usage->rows);
	*usage = MS_USAGE_INIT;
}

static char *make_name(const struct ms_json *instance)
{
	struct ms_str module = ms_client_get_str(instance, "module");
	struct ms_str tenant = ms_client_get_str(instance, "tenant");
	const bool plain = tenant.len == 0 || ms_say_is(tenant, "default");
	char *name = NULL;

	if (module.len == 0) /* it has not been read yet */
		module = ms_client_get_str(instance, "instance");
	if (asprintf(&name, "%.*s%s%.*s", (int)module.len, module.p, plain ? "" : "@",
		     plain ? 0 : (int)tenant.len, tenant.p) < 0)
		return NULL;
	return name;
}

static void keep(char *out, size_t cap, struct ms_str text)
{
	(void)snprintf(out, cap, "%.*s", (int)(text.len < cap ? text.len : cap - 1), text.p);
}

/* A thousandth of a core is a tenth of a per cent. */
static uint64_t tenths(uint64_t used_usec, uint64_t took_usec)
{
	return took_usec ? (used_usec * 1000 + took_usec / 2) / took_usec : 0;
}

static int add_row(struct ms_usage *usage, const struct ms_json *instance)
{
	struct ms_usage_row *row;

	if (usage->n == usage->cap) {
		size_t cap = usage->cap ? usage->cap * 2 : 64;
		void *rows = reallocarray(usage->rows, cap, sizeof(*row));

		if (!rows)
			return -ENOMEM;
		usage->rows = rows;
		usage->cap = cap;
	}
	row = &usage->rows[usage->n];
	*row = (struct ms_usage_row){
		.name = make_name(instance),
		.running = ms_client_get(instance, "uptimeUsec", MS_JSON_INT) != NULL,
		.cpu_usec = ms_client_get_uint(instance, "cpuUsec", 0),
		.uptime_usec = ms_client_get_uint(instance, "uptimeUsec", 0),
		.memory = ms_client_get_uint(instance, "memoryBytes", 0),
		.memory_limit = ms_client_get_uint(instance, "memoryLimitBytes", 0),
		.processes = ms_client_get_uint(instance, "processes", 0),
		.processes_limit = ms_client_get_uint(instance, "processesLimit", 0),
	};
	if (!row->name)
		return -ENOMEM;
	keep(row->instance, sizeof(row->instance), ms_client_get_str(instance, "instance"));
	keep(row->state, sizeof(row->state), ms_client_get_str(instance, "state"));
	row->cpu_tenths = tenths(row->cpu_usec, row->uptime_usec);
	usage->n++;
	return 0;
}

int ms_usage_add(struct ms_usage *usage, const struct ms_json *answer)
{
	const struct ms_json *list = ms_client_get(answer, "instances", MS_JSON_ARRAY);
	int r = 0;

	for (size_t i = 0; list && i < ms_json_count(list) && r == 0; i++)
		r = add_row(usage, ms_json_at(list, i));
	return r;
}

static const struct ms_usage_row *find(const struct ms_usage *usage, const char *instance,
				       size_t guess)
{
	/* both are in the order of the starts: nearly always it is where it was */
	if (guess < usage->n && strcmp(usage->rows[guess].instance, instance) == 0)
		return &usage->rows[guess];
	for (size_t i = 0; i < usage->n; i++) {
		if (strcmp(usage->rows[i].instance, instance) == 0)
			return &usage->rows[i];
	}
	return NULL;
}

void ms_usage_compare(struct ms_usage *usage, const struct ms_usage *before)
{
	for (size_t i = 0; i < usage->n; i++) {
		struct ms_usage_row *row = &usage->rows[i];
		const struct ms_usage_row *then = find(before, row->instance, i);

		if (!then || !row->running || row->uptime_usec < then->uptime_usec ||
		    row->cpu_usec < then->cpu_usec)
			continue;
		/* figures that were not read anew tell nothing new */
		row->cpu_tenths = row->uptime_usec == then->uptime_usec
					  ? then->cpu_tenths
					  : tenths(row->cpu_usec - then->cpu_usec,
						   row->uptime_usec - then->uptime_usec);
	}
}

static int by_cpu(const void *a, const void *b)
{
	const struct ms_usage_row *left = a, *right = b;

	if (left->cpu_tenths != right->cpu_tenths)
		return left->cpu_tenths < right->cpu_tenths ? 1 : -1;
	return strcmp(left->name, right->name);
}

void ms_usage_sort(struct ms_usage *usage)
{
	if (usage->n)
		qsort(usage->rows, usage->n, sizeof(usage->rows[0]), by_cpu);
}

/** ms_usage_bytes() - see usage.h. */
const char *ms_usage_bytes(uint64_t bytes, char out[static MS_USAGE_BYTES_TEXT])
{
	static const char units[] = "KMGTPE";
	unsigned unit = 0;
	uint64_t n = bytes / 1024, part = bytes % 1024;

	if (bytes == 0) {
		(void)snprintf(out, MS_USAGE_BYTES_TEXT, "0"); /* fits */
		return out;
	}
	while (n >= 1000 && units[unit + 1]) {
		part = n % 1024;
		n /= 1024;
		unit++;
	}
	if (unit == 0 || n >= 100 || part * 10 / 1024 == 0)
		(void)snprintf(out, MS_USAGE_BYTES_TEXT, "%llu%c",
			       (unsigned long long)(unit == 0 && n == 0 ? 1 : n), units[unit]);
	else
		(void)snprintf(out, MS_USAGE_BYTES_TEXT, "%llu.%llu%c", (unsigned long long)n,
			       (unsigned long long)(part * 10 / 1024), units[unit]);
	return out;
}

static void add_share(struct ms_table *table, uint64_t cpu_tenths)
{
	ms_table_addf(table, "%llu.%llu", (unsigned long long)(cpu_tenths / 10),
		      (unsigned long long)(cpu_tenths % 10));
}

static void add_memory(struct ms_table *table, uint64_t used, uint64_t limit)
{
	char of[MS_USAGE_BYTES_TEXT], all[MS_USAGE_BYTES_TEXT];

	ms_table_addf(table, "%s/%s", ms_usage_bytes(used, of), ms_usage_bytes(limit, all));
}

static void add_cells(struct ms_table *table, const struct ms_usage_row *row)
{
	char age[MS_TEXT_AGE_BYTES];

	ms_table_addf(table, "%s", row->name);
	ms_table_addf(table, "%s", row->state);
	if (!row->running) {
		for (int i = 0; i < 4; i++)
			ms_table_addf(table, "-");
		return;
	}
	add_share(table, row->cpu_tenths);
	add_memory(table, row->memory, row->memory_limit);
	ms_table_addf(table, "%llu/%llu", (unsigned long long)row->processes,
		      (unsigned long long)row->processes_limit);
	ms_text_age(row->uptime_usec / 1000000u, age);
	ms_table_addf(table, "%s", age);
}

/* Of all, those beyond @max_rows, too. */
static void add_sum(struct ms_table *table, const struct ms_usage *usage)
{
	struct ms_usage_row sum = {.running = true};
	size_t n = 0;

	for (size_t i = 0; i < usage->n; i++) {
		const struct ms_usage_row *row = &usage->rows[i];

		n += row->running;
		sum.cpu_tenths += row->cpu_tenths * row->running;
		sum.memory += row->memory;
		sum.memory_limit += row->memory_limit;
		sum.processes += row->processes;
		sum.processes_limit += row->processes_limit;
	}
	ms_table_addf(table, "%zu running", n);
	ms_table_addf(table, "%s", "");
	add_share(table, sum.cpu_tenths);
	add_memory(table, sum.memory, sum.memory_limit);
	ms_table_addf(table, "%llu/%llu", (unsigned long long)sum.processes,
		      (unsigned long long)sum.processes_limit);
	ms_table_addf(table, "%s", "");
}

void ms_usage_print(const struct ms_usage *usage, size_t width, size_t max_rows, struct ms_buf *out)
{
	ms_auto(table) struct ms_table table = MS_TABLE_INIT(titles, RIGHT);
	const size_t n = max_rows && max_rows < usage->n ? max_rows : usage->n;

	for (size_t i = 0; i < n; i++)
		add_cells(&table, &usage->rows[i]);
	if (usage->n > 1)
		add_sum(&table, usage);
	ms_table_print(&table, width, SHRINK, out);
	if (n < usage->n)
		ms_buf_addf(out, "%zu more; \"modsupctl stats\" without --watch shows all\n",
			    usage->n - n);
}
