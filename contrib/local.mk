# contrib/: example modules. The C ones are built for the tests: static, without sanitizers, since a
# module's address space is its own affair. The harness copies them into their module's folder.
EXAMPLES = contrib/examples
EXTRA_DIST += \
	$(EXAMPLES)/backend-node/README.md $(EXAMPLES)/backend-node/backend.js \
	$(EXAMPLES)/c-static/README.md $(EXAMPLES)/c-static/module.json \
	$(EXAMPLES)/hostile-c/README.md $(EXAMPLES)/hostile-c/module.json \
	$(EXAMPLES)/hostile-node/README.md $(EXAMPLES)/hostile-node/index.js \
	$(EXAMPLES)/hostile-node/module.json \
	$(EXAMPLES)/hostile-python/README.md $(EXAMPLES)/hostile-python/main.py \
	$(EXAMPLES)/hostile-python/module.json \
	$(EXAMPLES)/node-http/README.md $(EXAMPLES)/node-http/module.json \
	$(EXAMPLES)/node-http/server.js \
	$(EXAMPLES)/python-service/README.md $(EXAMPLES)/python-service/module.json \
	$(EXAMPLES)/python-service/service.py $(EXAMPLES)/python-service/state/counter \
	$(EXAMPLES)/shell-job/README.md $(EXAMPLES)/shell-job/data/numbers.txt \
	$(EXAMPLES)/shell-job/job.sh $(EXAMPLES)/shell-job/module.json

EXAMPLE_MODULES = example-c-static example-hostile-c
check_PROGRAMS += $(EXAMPLE_MODULES)
example_c_static_SOURCES = contrib/examples/c-static/service.c
example_c_static_CFLAGS = $(MS_CFLAGS) -fPIE
example_c_static_LDFLAGS = $(MS_LDFLAGS) -static-pie
example_hostile_c_SOURCES = contrib/examples/hostile-c/hostile.c
example_hostile_c_CFLAGS = $(MS_CFLAGS) -fPIE
example_hostile_c_LDFLAGS = $(MS_LDFLAGS) -static-pie

EXTRA_DIST += contrib/clients/node/README.md contrib/clients/node/modsup.js contrib/clients/node/package.json \
	contrib/clients/python/README.md contrib/clients/python/modsup.py

EXTRA_DIST += contrib/README.md contrib/quickstart contrib/debian-packages \
	contrib/install-packages contrib/copy-source

# Completion, where bash and zsh look for it; both read verbs and options from the program's --help.
bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = contrib/completion/modsupctl.bash
zshcompdir = $(datadir)/zsh/site-functions
dist_zshcomp_DATA = contrib/completion/_modsupctl
