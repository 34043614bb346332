/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admission.h - the arithmetic of the host's own share: how much of the machine all modules get
 * together, and whether one more may start. Pure: the figures are capacity.c's.
 */
#ifndef MS_DAEMON_ADMISSION_H
#define MS_DAEMON_ADMISSION_H

#include "lib/base.h"

#define MS_ADMISSION_MEMORY_PCT	   90u /* of the group's limit; above it nothing starts */
#define MS_ADMISSION_PROCESSES_PCT 90u
/* Hundredths of a per cent of the last ten seconds in which tasks (some) or all tasks (full) waited
 * for memory. Only together with little available memory: one module that thrashes at its own
 * limit makes these figures, too, and may not keep the others from starting. */
#define MS_ADMISSION_SOME	   4000u
#define MS_ADMISSION_FULL	   1000u
#define MS_ADMISSION_AVAILABLE_PCT 25u

/* One measurement. A limit of 0 is none: that resource never refuses. */
struct ms_admission {
	uint64_t total;		 /* bytes: the RAM, or a smaller limit above this daemon */
	uint64_t reserve;	 /* of it, not for modules */
	uint64_t limit;		 /* of the group above all modules; 0 where it could not be set */
	uint64_t used;		 /* in that group, without file pages that can go at once */
	uint64_t available;	 /* on the host, as /proc/meminfo estimates it */
	uint64_t sum_of_limits;	 /* of the instances there are */
	uint32_t overcommit_pct; /* of total - reserve that sum_of_limits may reach */
	bool has_pressure;
	uint32_t some, full; /* hundredths of a per cent */
	uint64_t processes, processes_limit;
	uint64_t disk_free, disk_total, disk_reserve; /* bytes, where the state is */
};

enum ms_admission_refusal {
	MS_ADMISSION_OK,
	MS_ADMISSION_MEMORY,
	MS_ADMISSION_LIMITS,
	MS_ADMISSION_PRESSURE,
	MS_ADMISSION_PROCESSES,
	MS_ADMISSION_DISK,
	MS_ADMISSION_COUNT
};

/* "memory" "memory-limits" "memory-pressure" "processes" "disk". */
const char *ms_admission_word(enum ms_admission_refusal refusal);

/* ms_admission_reserve - @configured, or by itself (0) the larger of a tenth and 512 MiB; never
 * more than half of @total: a machine too small for it shall still do something. */
uint64_t ms_admission_reserve(uint64_t total, uint64_t configured);
/* ms_admission_disk_reserve - @configured, or by itself (0) a twentieth of the file system, at most
 * 1 GiB. */
uint64_t ms_admission_disk_reserve(uint64_t total, uint64_t configured);
/* ms_admission_promised - what the sum of limits may reach; UINT64_MAX instead of overflowing. */
uint64_t ms_admission_promised(const struct ms_admission *a);
/* ms_admission_decide - may one more with a memory limit of @wanted (0 = not known yet) start? */
enum ms_admission_refusal ms_admission_decide(const struct ms_admission *a, uint64_t wanted);
/* ms_admission_fit - how many more of @typical bytes of limit the memory has room for. */
uint64_t ms_admission_fit(const struct ms_admission *a, uint64_t typical);
/* ms_admission_pressure - avg10 of the lines "some" and "full" of /proc/pressure/memory. False when
 * @text is not that. */
MS_MUST_CHECK bool ms_admission_pressure(const char *text, size_t len, uint32_t *ret_some,
					 uint32_t *ret_full);
#endif
