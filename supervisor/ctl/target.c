/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.c - names of instances into params. Pure.
 */
#include "supervisor/ctl/target.h"

#include <string.h>

#include "lib/log.h"
#include "lib/name.h"

int ms_target_request(struct ms_jw *jw, const char *word, struct ms_error *err)
{
	size_t len = strcspn(word, "@");
	struct ms_str module = {.p = word, .len = len};
	struct ms_str tenant = {.p = word + len, .len = strlen(word + len)};
	char shown[80];

	if (tenant.len == 0 && ms_name_is_instance(word, len)) {
		ms_jw_str(jw, "instance", module);
		return 0;
	}
	if (tenant.len > 0) { /* over the '@' */
		tenant.p++;
		tenant.len--;
		if (!ms_name_is_tenant(tenant.p, tenant.len))
			len = 0;
	}
	if (!ms_name_is_module(word, len)) {
		(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "'%s' names neither a module nor an instance",
				   ms_log_quote(word, strlen(word), shown, sizeof(shown)));
		return ms_error_hint(err, "write MODULE, MODULE@TENANT, or the instance as list "
					  "shows it");
	}
	ms_jw_str(jw, "module", module);
	if (tenant.len > 0)
		ms_jw_str(jw, "tenant", tenant);
	return 0;
}
