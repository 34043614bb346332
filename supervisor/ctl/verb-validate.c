/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-validate.c - modsupctl validate: every error of a manifest and its folder in one go. Needs
 * neither root nor a supervisor.
 */
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/load.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

static int as_json(struct ms_ctl *ctl, const struct ms_load *load, bool valid)
{
	struct ms_jw *jw = ms_jw_new();
	int code;

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_bool(jw, "valid", valid);
		ms_jw_str(jw, "file", load->report->file);
		ms_jw_bool(jw, "bundle", load->has_bundle);
		if (load->manifest) {
			ms_jw_str(jw, "id", load->manifest->id);
			ms_jw_str(jw, "version", load->manifest->version);
		}
		ms_say_report(load->report, "diagnostics", jw);
		ms_jw_uint(jw, "dropped", load->report->n_dropped);
		ms_jw_end(jw);
	}
	code = ms_say_jw(ctl, jw);
	return valid ? code : MS_EXIT_FAILED;
}

static int for_people(struct ms_ctl *ctl, const struct ms_load *load, bool valid)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MS_SAY_MAX_BYTES);

	if (valid) {
		ms_buf_escape(&out, load->report->file.p, load->report->file.len);
		ms_buf_addf(&out, ": valid: %.*s %.*s%s\n", (int)load->manifest->id.len,
			    load->manifest->id.p, (int)load->manifest->version.len,
			    load->manifest->version.p,
			    load->has_bundle ? "" : " (the manifest alone, no folder)");
		if (load->foreign)
			ms_buf_adds(&out,
				    "note: before it starts its folder has to be root's: chown -R "
				    "root: DIR\n");
		return ms_say_out(ctl, &out);
	}
	ms_report_print(load->report, &out);
	if (out.error)
		return MS_EXIT_FAILED;
	ms_say_err(&out);
	return MS_EXIT_FAILED;
}

int ms_verb_validate(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "[DIR | FILE]",
		.about =
			"Checks the manifest in DIR (default: the current folder) and the folder's "
			"files, or the manifest FILE alone. All errors are told at once, on "
			"stderr; exit code 1 when there are any.",
		.max_operands = 1,
	};
	ms_auto(load) struct ms_load load = {0};
	struct ms_error err = MS_ERROR_INIT;
	bool valid;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	if (ms_load_module(args.n_operands ? args.operands[0] : ".", &load, &err) < 0)
		return ms_say_error(ctl, &err);
	valid = load.manifest && load.report->n_diags == 0;
	return ctl->json ? as_json(ctl, &load, valid) : for_people(ctl, &load, valid);
}
