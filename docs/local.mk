# docs/: the manual pages and the prose. Manual pages are added here as dist_man_MANS.
EXTRA_DIST += docs/README.md docs/architecture.md docs/protocol.md docs/threat-model.md

dist_man_MANS += docs/man/libmodsup.3 docs/man/modsupctl.1 docs/man/modsupd.8 docs/man/modsupd.json.5 docs/man/module.json.5
