# docs/: the manual pages and the prose. Manual pages are added here as dist_man_MANS.
EXTRA_DIST += docs/README.md docs/architecture.md
