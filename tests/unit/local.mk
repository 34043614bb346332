# tests/unit/: one test-<stem>.c for each .c file, run by `make check`, no root needed.
UNITLIBS = $(POLICY_LIBS)
UNIT_TESTS =
EXTRA_DIST += tests/unit/test.h

UNIT_TESTS += test-buf
test_buf_SOURCES = tests/unit/test-buf.c
test_buf_LDADD = libms.a

UNIT_TESTS += test-call-text
test_call_text_SOURCES = tests/unit/test-call-text.c
test_call_text_LDADD = $(CALL_LIBS)

UNIT_TESTS += test-json
test_json_SOURCES = tests/unit/test-json.c
test_json_LDADD = $(UNITLIBS)
test_json_CPPFLAGS = $(AM_CPPFLAGS) $(JSONC_CFLAGS)
test_json_LDFLAGS = $(LDFLAGS_OOM) -Wl,--wrap=json_tokener_parse_ex

UNIT_TESTS += test-json-write
test_json_write_SOURCES = tests/unit/test-json-write.c
test_json_write_LDADD = $(UNITLIBS)
test_json_write_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-logrec
test_logrec_SOURCES = tests/unit/test-logrec.c
test_logrec_LDADD = libms.a

UNIT_TESTS += test-nearest
test_nearest_SOURCES = tests/unit/test-nearest.c
test_nearest_LDADD = $(UNITLIBS)

UNIT_TESTS += test-plan-codec
test_plan_codec_SOURCES = tests/unit/test-plan-codec.c
test_plan_codec_LDADD = $(UNITLIBS)

UNIT_TESTS += test-exec-plan
test_exec_plan_SOURCES = tests/unit/test-exec-plan.c tests/unit/plan-fixture.h supervisor/daemon/exec-plan.c \
	supervisor/daemon/box-exec.h
test_exec_plan_LDADD = $(UNITLIBS)
test_exec_plan_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-probe
test_probe_SOURCES = tests/unit/test-probe.c tests/unit/scratch.h supervisor/daemon/probe.c
test_probe_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
test_probe_LDADD = libms.a $(SYSTEMD_LIBS)
test_probe_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-restrict
test_restrict_SOURCES = tests/unit/test-restrict.c
test_restrict_LDADD = $(CALL_LIBS)

UNIT_TESTS += test-seccomp
test_seccomp_SOURCES = tests/unit/test-seccomp.c
test_seccomp_LDADD = $(CALL_LIBS)

UNIT_TESTS += test-seccomp-real
test_seccomp_real_SOURCES = tests/unit/test-seccomp-real.c
test_seccomp_real_LDADD = $(CALL_LIBS)

UNIT_TESTS += test-shimwire
test_shimwire_SOURCES = tests/unit/test-shimwire.c
test_shimwire_LDADD = libms.a

UNIT_TESTS += test-sysarg
test_sysarg_SOURCES = tests/unit/test-sysarg.c
test_sysarg_LDADD = libms.a

UNIT_TESTS += test-units
test_units_SOURCES = tests/unit/test-units.c
test_units_LDADD = $(UNITLIBS)

# A test with each allocation failing in turn: tests/unit/oom.h.
LDFLAGS_OOM = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray
EXTRA_DIST += tests/unit/oom.h

UNIT_TESTS += test-config
test_config_SOURCES = tests/unit/test-config.c
test_config_LDADD = $(UNITLIBS)
test_config_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-config-peers
test_config_peers_SOURCES = tests/unit/test-config-peers.c
test_config_peers_LDADD = $(UNITLIBS)
test_config_peers_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-num
test_num_SOURCES = tests/unit/test-num.c
test_num_LDADD = libms.a

UNIT_TESTS += test-utf8
test_utf8_SOURCES = tests/unit/test-utf8.c
test_utf8_LDADD = libms.a

UNIT_TESTS += test-arena
test_arena_SOURCES = tests/unit/test-arena.c
test_arena_LDADD = libms.a
test_arena_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-wire
test_wire_SOURCES = tests/unit/test-wire.c
test_wire_LDADD = libms.a

UNIT_TESTS += test-fs
test_fs_SOURCES = tests/unit/test-fs.c
test_fs_LDADD = libms.a
test_fs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ms_sys_call

UNIT_TESTS += test-name
test_name_SOURCES = tests/unit/test-name.c
test_name_LDADD = libms.a

UNIT_TESTS += test-error
test_error_SOURCES = tests/unit/test-error.c
test_error_LDADD = libms.a

UNIT_TESTS += test-report
test_report_SOURCES = tests/unit/test-report.c
test_report_LDADD = $(UNITLIBS)
test_report_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-policy
test_policy_SOURCES = tests/unit/test-policy.c
test_policy_LDADD = $(UNITLIBS)
test_policy_LDFLAGS = $(LDFLAGS_OOM)

EXTRA_DIST += tests/unit/fake-server.h

UNIT_TESTS += test-client
test_client_SOURCES = tests/unit/test-client.c
test_client_LDADD = $(CLIENT_LIBS)

UNIT_TESTS += test-scan
test_scan_SOURCES = tests/unit/test-scan.c
test_scan_LDADD = $(CLIENT_LIBS)
test_scan_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-modsup
test_modsup_SOURCES = tests/unit/test-modsup.c tests/unit/scratch.h
test_modsup_LDADD = $(CLIENT_LIBS)
test_modsup_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-follow
test_follow_SOURCES = tests/unit/test-follow.c tests/unit/scratch.h
test_follow_LDADD = $(CLIENT_LIBS)
test_follow_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-ctl-args
test_ctl_args_SOURCES = tests/unit/test-ctl-args.c
test_ctl_args_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-session
test_session_SOURCES = tests/unit/test-session.c
test_session_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-page
test_page_SOURCES = tests/unit/test-page.c
test_page_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-why
test_why_SOURCES = tests/unit/test-why.c
test_why_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-ctl-text
test_ctl_text_SOURCES = tests/unit/test-ctl-text.c
test_ctl_text_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-usage
test_usage_SOURCES = tests/unit/test-usage.c
test_usage_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-flow
test_flow_SOURCES = tests/unit/test-flow.c
test_flow_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-restart
test_restart_SOURCES = tests/unit/test-restart.c supervisor/daemon/restart.c
test_restart_LDADD = $(UNITLIBS)

UNIT_TESTS += test-unit-record
test_unit_record_SOURCES = tests/unit/test-unit-record.c supervisor/daemon/restart.c \
	supervisor/daemon/unit-record.c
test_unit_record_LDADD = $(UNITLIBS)

# The control socket, with fake-instance.c in place of what it drives.
FAKE_INSTANCE = tests/unit/fake-instance.c tests/unit/fake-instance.h \
	tests/unit/fake-watch.c

UNIT_TESTS += test-event
test_event_SOURCES = tests/unit/test-event.c $(FAKE_INSTANCE)
test_event_LDADD = $(CONTROL_LIBS)
test_event_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-control-share
test_control_share_SOURCES = tests/unit/test-control-share.c $(FAKE_INSTANCE)
test_control_share_LDADD = $(CONTROL_LIBS)

UNIT_TESTS += test-rpc
test_rpc_SOURCES = tests/unit/test-rpc.c $(FAKE_INSTANCE)
test_rpc_LDADD = $(CONTROL_LIBS)

UNIT_TESTS += test-rpc-key
test_rpc_key_SOURCES = tests/unit/test-rpc-key.c $(FAKE_INSTANCE)
test_rpc_key_LDADD = $(CONTROL_LIBS)
test_rpc_key_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-digest
test_digest_SOURCES = tests/unit/test-digest.c
test_digest_LDADD = $(UNITLIBS)

UNIT_TESTS += test-control
test_control_SOURCES = tests/unit/test-control.c $(FAKE_INSTANCE)
test_control_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
test_control_LDADD = $(CONTROL_LIBS)
test_control_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime

UNIT_TESTS += test-violation
test_violation_SOURCES = tests/unit/test-violation.c
test_violation_LDADD = $(CONTROL_LIBS)

UNIT_TESTS += test-hostcheck
test_hostcheck_SOURCES = tests/unit/test-hostcheck.c
test_hostcheck_LDADD = $(CONTROL_LIBS)

UNIT_TESTS += test-semver
test_semver_SOURCES = tests/unit/test-semver.c
test_semver_LDADD = $(UNITLIBS)

UNIT_TESTS += test-manifest
test_manifest_SOURCES = tests/unit/test-manifest.c
test_manifest_LDADD = $(UNITLIBS)

UNIT_TESTS += test-manifest-wire
test_manifest_wire_SOURCES = tests/unit/test-manifest-wire.c
test_manifest_wire_LDADD = $(UNITLIBS)
test_manifest_wire_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-record
test_record_SOURCES = tests/unit/test-record.c supervisor/daemon/record.c
test_record_LDADD = $(UNITLIBS)
test_record_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-inspection
test_inspection_SOURCES = tests/unit/test-inspection.c
test_inspection_LDADD = $(UNITLIBS)
test_inspection_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-bundle
test_bundle_SOURCES = tests/unit/test-bundle.c
test_bundle_LDADD = $(INSPECT_LIBS)

UNIT_TESTS += test-notify-fold
test_notify_fold_SOURCES = tests/unit/test-notify-fold.c shim/fold.c shim/fold.h
test_notify_fold_LDADD = libms.a

# MS_UPDATE_GOLDEN=1 ./test-plan writes the dumps anew: `git diff` is then the review.
UNIT_TESTS += test-plan
test_plan_SOURCES = tests/unit/test-plan.c tests/unit/plan-fixture.h
test_plan_CPPFLAGS = $(AM_CPPFLAGS) -DMS_GOLDEN_DIR='"$(abs_top_srcdir)/tests/unit/golden"'
test_plan_LDADD = $(UNITLIBS)
EXTRA_DIST += tests/unit/golden/plan-everything.txt tests/unit/golden/plan-oneshot.txt \
	tests/unit/golden/plan-whole.txt

UNIT_TESTS += test-landlock-rules
test_landlock_rules_SOURCES = tests/unit/test-landlock-rules.c tests/unit/plan-fixture.h
test_landlock_rules_LDADD = $(UNITLIBS)

UNIT_TESTS += test-copy
test_copy_SOURCES = tests/unit/test-copy.c tests/unit/scratch.h \
	supervisor/inspect/copy.c supervisor/inspect/copy.h
test_copy_LDADD = libms.a

# Parts of modsupd by themselves. Those that need root skip without it: `sudo make check`.
UNIT_TESTS += test-packet
test_packet_SOURCES = tests/unit/test-packet.c supervisor/daemon/packet.c
test_packet_LDADD = libms.a

UNIT_TESTS += test-logs
test_logs_SOURCES = tests/unit/test-logs.c tests/unit/scratch.h shim/logfile.c shim/logs.c
test_logs_LDADD = $(UNITLIBS)

UNIT_TESTS += test-logread
test_logread_SOURCES = tests/unit/test-logread.c tests/unit/scratch.h shim/logfile.c \
	supervisor/daemon/logread.c
test_logread_LDADD = libms.a

UNIT_TESTS += test-rfc3339
test_rfc3339_SOURCES = tests/unit/test-rfc3339.c
test_rfc3339_LDADD = libms.a

UNIT_TESTS += test-log-text
test_log_text_SOURCES = tests/unit/test-log-text.c
test_log_text_LDADD = $(CTL_LIBS)

UNIT_TESTS += test-method-logs
test_method_logs_SOURCES = tests/unit/test-method-logs.c tests/unit/scratch.h shim/logfile.c \
	$(FAKE_INSTANCE)
test_method_logs_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
test_method_logs_LDADD = $(CONTROL_LIBS)
test_method_logs_LDFLAGS = $(LDFLAGS_OOM)

UNIT_TESTS += test-stream
test_stream_SOURCES = tests/unit/test-stream.c tests/unit/scratch.h supervisor/daemon/stream.c
test_stream_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
test_stream_LDADD = libms.a $(SYSTEMD_LIBS)
test_stream_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=bind

UNIT_TESTS += test-release
test_release_SOURCES = tests/unit/test-release.c tests/unit/scratch.h shim/io.c shim/release.c
test_release_LDADD = $(UNITLIBS)

UNIT_TESTS += test-sdnotify
test_sdnotify_SOURCES = tests/unit/test-sdnotify.c shim/sdnotify.c shim/sdnotify.h
test_sdnotify_LDADD = libms.a

UNIT_TESTS += test-status
test_status_SOURCES = tests/unit/test-status.c tests/unit/scratch.h shim/io.c shim/sdnotify.c shim/status.c
test_status_LDADD = $(UNITLIBS)

UNIT_TESTS += test-ids
test_ids_SOURCES = tests/unit/test-ids.c tests/unit/scratch.h supervisor/daemon/ids.c
test_ids_LDADD = $(UNITLIBS)

UNIT_TESTS += test-config-files
test_config_files_SOURCES = tests/unit/test-config-files.c tests/unit/scratch.h \
	supervisor/daemon/config-files.c
test_config_files_LDADD = $(UNITLIBS)

UNIT_TESTS += test-state
test_state_SOURCES = tests/unit/test-state.c tests/unit/scratch.h supervisor/daemon/fill.c \
	supervisor/daemon/ids.c supervisor/daemon/state-runtime.c supervisor/daemon/state.c supervisor/daemon/sweep.c
test_state_LDADD = $(UNITLIBS)

UNIT_TESTS += test-cgroup
test_cgroup_SOURCES = tests/unit/test-cgroup.c supervisor/daemon/layer/cgroup.c \
	supervisor/daemon/layer/cgroup-find.c supervisor/daemon/layer/cgroup-stats.c
test_cgroup_CPPFLAGS = $(AM_CPPFLAGS) $(CGROUP_CFLAGS)
test_cgroup_LDADD = libms.a $(CGROUP_LIBS)
EXTRA_DIST += tests/unit/cgroup-fixture.h

UNIT_TESTS += test-cgroup-stats
test_cgroup_stats_SOURCES = tests/unit/test-cgroup-stats.c supervisor/daemon/layer/cgroup.c \
	supervisor/daemon/layer/cgroup-find.c supervisor/daemon/layer/cgroup-stats.c
test_cgroup_stats_CPPFLAGS = $(AM_CPPFLAGS) $(CGROUP_CFLAGS)
test_cgroup_stats_LDADD = libms.a $(CGROUP_LIBS)

UNIT_TESTS += test-window
test_window_SOURCES = tests/unit/test-window.c supervisor/daemon/window.c
test_window_LDADD = libms.a

UNIT_TESTS += test-watch
test_watch_SOURCES = tests/unit/test-watch.c supervisor/daemon/layer/cgroup.c \
	supervisor/daemon/layer/cgroup-find.c supervisor/daemon/layer/cgroup-stats.c \
	supervisor/daemon/watch.c supervisor/daemon/window.c
test_watch_CPPFLAGS = $(AM_CPPFLAGS) $(CGROUP_CFLAGS) $(SYSTEMD_CFLAGS)
test_watch_LDADD = libms.a $(CGROUP_LIBS) $(SYSTEMD_LIBS)

UNIT_TESTS += test-net
test_net_SOURCES = tests/unit/test-net.c supervisor/daemon/layer/net.c
test_net_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
test_net_LDADD = libms.a $(NL_LIBS)

UNIT_TESTS += test-hostfacts
test_hostfacts_SOURCES = tests/unit/test-hostfacts.c supervisor/daemon/hostfacts.c
test_hostfacts_LDADD = $(CALL_LIBS)

UNIT_TESTS += test-folder
test_folder_SOURCES = tests/unit/test-folder.c tests/unit/scratch.h supervisor/daemon/folder.c
test_folder_LDADD = $(UNITLIBS)

UNIT_TESTS += test-spawn
test_spawn_SOURCES = tests/unit/test-spawn.c tests/unit/scratch.h supervisor/daemon/packet.c \
	supervisor/daemon/spawn.c
test_spawn_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
test_spawn_LDADD = $(CALL_LIBS) $(SYSTEMD_LIBS)

UNIT_TESTS += test-admission
test_admission_SOURCES = tests/unit/test-admission.c supervisor/daemon/admission.c
test_admission_LDADD = libms.a

UNIT_TESTS += test-flag
test_flag_SOURCES = tests/unit/test-flag.c tests/unit/scratch.h
test_flag_LDADD = libms.a

UNIT_TESTS += test-groups
test_groups_SOURCES = tests/unit/test-groups.c tests/unit/scratch.h
test_groups_LDADD = libms.a

# The published JSON Schema and the parser, asked the same cases.
TESTS += tests/unit/test-schema
EXTRA_DIST += tests/unit/test-schema tests/manifests/README.md tests/manifests/about.json \
	tests/manifests/document.json tests/manifests/entry.json tests/manifests/fs.json \
	tests/manifests/limits.json tests/manifests/reach.json

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
