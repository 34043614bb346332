/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.c - names of instances into params, and a call with nothing but such a name.
 */
#include "supervisor/ctl/target.h"

#include <string.h>

#include "lib/log.h"
#include "lib/name.h"
#include "supervisor/ctl/say.h"

int ms_target_module(struct ms_jw *jw, const char *word, const char *dflt, struct ms_error *err)
{
	size_t len = strcspn(word, "@");
	struct ms_str module = {.p = word, .len = len};
	struct ms_str tenant = {.p = word + len, .len = strlen(word + len)};
	char shown[80];

	if (tenant.len > 0) { /* over the '@' */
		tenant.p++;
		tenant.len--;
		if (!ms_name_is_tenant(tenant.p, tenant.len))
			len = 0;
	} else if (dflt) {
		tenant = (struct ms_str){.p = dflt, .len = strlen(dflt)};
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

int ms_target_request(struct ms_jw *jw, const char *word, struct ms_error *err)
{
	size_t len = strlen(word);

	if (!ms_name_is_instance(word, len))
		return ms_target_module(jw, word, NULL, err);
	ms_jw_str(jw, "instance", (struct ms_str){.p = word, .len = len});
	return 0;
}

int ms_target_ask(struct ms_ctl *ctl, struct ms_client *client, const char *method,
		  const char *word, int timeout_ms, struct ms_message *ret)
{
	ms_auto(jw) struct ms_jw *params = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (params) {
		ms_jw_object(params, NULL);
		if (ms_target_request(params, word, &err) < 0)
			return ms_say_usage(ctl, &err);
		ms_jw_end(params);
	}
	r = ms_client_call(client, method, MS_TAKE_PTR(params), timeout_ms, ret, &err);
	return ms_say_call(ctl, r, ret, &err);
}
