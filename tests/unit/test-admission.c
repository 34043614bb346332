/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-admission.c - the host's share and who may start, at each bound and one step beyond it.
 */
#include "supervisor/daemon/admission.h"

#include "tests/unit/test.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* A host with room for everything. */
static const struct ms_admission roomy = {
	.total = 10 * GIB,
	.reserve = GIB,
	.limit = 9 * GIB,
	.available = 8 * GIB,
	.overcommit_pct = 200,
	.has_pressure = true,
	.processes_limit = 1000,
	.disk_free = 50 * GIB,
	.disk_total = 100 * GIB,
	.disk_reserve = GIB,
};

TEST(the_reserve)
{
	CHECK_EQ(ms_admission_reserve(100 * GIB, 0), 10 * GIB);
	CHECK_EQ(ms_admission_reserve(2 * GIB, 0), 512 * MIB);
	CHECK_EQ(ms_admission_reserve(5 * GIB, 0), 512 * MIB);
	CHECK_EQ(ms_admission_reserve(6 * GIB, 0), 6 * GIB / 10);
	CHECK_EQ(ms_admission_reserve(100 * GIB, 3 * GIB), 3 * GIB);
	CHECK_EQ(ms_admission_reserve(512 * MIB, 0), 256 * MIB); /* never more than half */
	CHECK_EQ(ms_admission_reserve(GIB, 4 * GIB), 512 * MIB);
	CHECK_EQ(ms_admission_reserve(0, 0), 0);
}

TEST(the_disks_reserve)
{
	CHECK_EQ(ms_admission_disk_reserve(100 * GIB, 0), GIB);
	CHECK_EQ(ms_admission_disk_reserve(20 * GIB, 0), GIB);
	CHECK_EQ(ms_admission_disk_reserve(2 * GIB, 0), 2 * GIB / 20);
	CHECK_EQ(ms_admission_disk_reserve(2 * GIB, 5 * GIB), 5 * GIB); /* as it was asked for */
	CHECK_EQ(ms_admission_disk_reserve(0, 0), 0);
}

TEST(room_for_all)
{
	CHECK_EQ(ms_admission_decide(&roomy, 0), MS_ADMISSION_OK);
	CHECK_EQ(ms_admission_decide(&roomy, 18 * GIB), MS_ADMISSION_OK);
}

TEST(memory_above_nine_tenths_of_the_limit)
{
	struct ms_admission a = roomy;

	a.limit = 1000;
	a.used = 900;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a.used = 901;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_MEMORY);
	a.limit = 0; /* there is no such controller here */
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
}

TEST(the_sum_of_limits)
{
	struct ms_admission a = roomy;

	CHECK_EQ(ms_admission_promised(&a), 18 * GIB);
	a.sum_of_limits = 17 * GIB;
	CHECK_EQ(ms_admission_decide(&a, GIB), MS_ADMISSION_OK);
	CHECK_EQ(ms_admission_decide(&a, GIB + 1), MS_ADMISSION_LIMITS);
	CHECK_EQ(ms_admission_decide(&a, UINT64_MAX), MS_ADMISSION_LIMITS);
	a.sum_of_limits = UINT64_MAX;
	CHECK_EQ(ms_admission_decide(&a, UINT64_MAX), MS_ADMISSION_LIMITS);
	a.overcommit_pct = 0;
	CHECK_EQ(ms_admission_decide(&a, GIB), MS_ADMISSION_OK);
	a = roomy;
	a.reserve = 11 * GIB; /* more than there is: nothing is left to promise */
	CHECK_EQ(ms_admission_promised(&a), 0);
	CHECK_EQ(ms_admission_decide(&a, 1), MS_ADMISSION_LIMITS);
	a = roomy;
	a.total = UINT64_MAX;
	a.overcommit_pct = 100000;
	CHECK(ms_admission_promised(&a) == UINT64_MAX);
}

TEST(pressure_counts_only_when_memory_is_short)
{
	struct ms_admission a = roomy;

	a.some = 10000;
	a.full = 10000;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK); /* one module at its own limit */
	a.available = 10 * GIB / 4;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a.available--;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_PRESSURE);
	a.some = 4000;
	a.full = 1000;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a.some = 4001;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_PRESSURE);
	a.some = 0;
	a.full = 1001;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_PRESSURE);
	a.has_pressure = false; /* a kernel without it */
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
}

TEST(processes_and_disk)
{
	struct ms_admission a = roomy;

	a.processes = 900;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a.processes = 901;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_PROCESSES);
	a.processes_limit = 0;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a = roomy;
	a.disk_free = a.disk_reserve;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
	a.disk_free--;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_DISK);
	a.disk_reserve = 0;
	a.disk_free = 0;
	CHECK_EQ(ms_admission_decide(&a, 0), MS_ADMISSION_OK);
}

TEST(how_many_more_fit)
{
	struct ms_admission a = roomy;

	a.sum_of_limits = 17 * GIB;
	CHECK_EQ(ms_admission_fit(&a, 256 * MIB), 4);
	CHECK_EQ(ms_admission_fit(&a, GIB), 1);
	CHECK_EQ(ms_admission_fit(&a, GIB + 1), 0);
	CHECK_EQ(ms_admission_fit(&a, 0), 0);
	a.disk_free = 0; /* none for another reason */
	CHECK_EQ(ms_admission_fit(&a, MIB), 0);
}

TEST(pressure_as_the_kernel_writes_it)
{
	static const char good[] = "some avg10=12.34 avg60=0.00 avg300=0.00 total=1592114\n"
				   "full avg10=0.05 avg60=0.00 avg300=0.00 total=436919\n";
	static const char *const bad[] = {
		"",
		"some",
		"some avg10=1.00 avg60=0.00\n",
		"some avg10=1.00 avg60=0\nfull avg10=1 avg60=0\n",
		"some avg10=1.0 avg60=0\nfull avg10=1.00 avg60=0\n",
		"some avg10=101.00 avg60=0\nfull avg10=1.00 avg60=0\n",
		"some avg10=-1.00 avg60=0\nfull avg10=1.00 avg60=0\n",
		"some avg10=1.x0 avg60=0\nfull avg10=1.00 avg60=0\n",
		"some avg10=1.00\nfull avg10=1.00\n",
	};
	uint32_t some = 7, full = 7;

	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++)
		CHECK(!ms_admission_pressure(bad[i], strlen(bad[i]), &some, &full));
	CHECK_EQ(some, 7);
	CHECK(ms_admission_pressure(good, sizeof(good) - 1, &some, &full));
	CHECK_EQ(some, 1234);
	CHECK_EQ(full, 5);
	for (size_t len = 0; len < sizeof(good) - 1; len++) /* cut anywhere: no read beyond it */
		MS_IGNORE(ms_admission_pressure(good, len, &some, &full));
}

TEST(words)
{
	for (int i = MS_ADMISSION_OK + 1; i < MS_ADMISSION_COUNT; i++)
		CHECK(ms_admission_word((enum ms_admission_refusal)i)[0]);
	CHECK_STR(ms_admission_word(MS_ADMISSION_COUNT), "");
}
