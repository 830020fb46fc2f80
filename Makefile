# anju: build, test and measure. `make help` lists the targets.
#
#   make                 the programs, in build/bin
#   make pages           the hub's page, in build/www (needs node and npm)
#   make test            all that tests/run runs, without its set-up
#   make sim SEEDS=1000  the simulator over fresh seeds
#   make package         Debian packages, in build/package; make package-test installs, upgrades and rolls them back in a bookworm of its own
#   B=build/asan SAN=address,undefined CC=clang make …   another build beside the first

B ?= build
PREFIX ?= /usr/local
CC := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
CCACHE := $(shell command -v ccache 2>/dev/null)
SAN ?=
PKGS := libzmq libuv libmicrohttpd libsodium libzstd jansson libprotobuf-c yaml-0.1 smartcols libseccomp
WANTED := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
  -Wcast-qual -Wundef -Wimplicit-fallthrough=5 -Wimplicit-fallthrough -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference \
  -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=format-security -Werror=return-type \
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero \
  -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fPIE
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=3)

# Flags are probed one by one (clang refuses some of gcc's), once per build folder.
ifeq ($(filter clean help,$(MAKECMDGOALS)),)
$(shell mkdir -p $(B))
-include $(B)/flags.mk
endif
$(B)/flags.mk: Makefile
	@mkdir -p $(B)
	@set -- $(WANTED); printf 'PROBED :=' > $@.new; for f in "$$@"; do \
	  if echo 'int main(void){return 0;}' | $(CC) -Werror -Wformat $$f -x c -o /dev/null -c - 2>/dev/null; then printf ' %s' "$$f" >> $@.new; fi; done; \
	  printf '\nDEPS_CFLAGS := %s\nDEPS_LIBS := %s\n' "$$(pkg-config --cflags $(PKGS))" "$$(pkg-config --libs $(PKGS))" >> $@.new; mv $@.new $@

CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -O2 -g -Werror $(PROBED) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
  -I. -I$(B)/gen $(DEPS_CFLAGS) $(CFLAGS)
# Generated code is hardened alike; only our warnings are not its concern.
CFLAGS_GEN = -std=c11 -D_GNU_SOURCE -O2 -g $(filter -f%,$(PROBED)) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
  -I$(B)/gen $(DEPS_CFLAGS) $(CFLAGS)
LIBS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS) $(DEPS_LIBS) -llmdb -lcsv -lpthread -lm

PROTOS := $(wildcard proto/*.proto)
GEN := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
COMMON := $(wildcard common/*/*.c)
PROGRAM_MAINS := hub/main.c node/main.c common/daemon/anjuctl.c
LIB_SRC := $(filter-out $(PROGRAM_MAINS),$(COMMON))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o) $(GEN:$(B)/gen/%.c=$(B)/obj/gen/%.o)
HUB_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out hub/main.c,$(wildcard hub/*.c)))
NODE_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out node/main.c,$(wildcard node/*.c)))
SUPPORT_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/support/*.c))
SIM_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/sim/*.c tests/sim/stories/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
UNITS := $(UNIT_SRC:tests/%.c=$(B)/tests/%)
TOOL_SRC := $(filter-out tests/e2e/bad_disk.c tests/e2e/power_cut.c,$(wildcard tests/city/*.c tests/bench/*.c tests/e2e/*.c tests/stress/*.c tests/pages/*.c))
TOOLS := $(TOOL_SRC:tests/%.c=$(B)/tests/%)
PROGRAMS := $(if $(wildcard hub/main.c),$(B)/bin/anju-hub) $(if $(wildcard node/main.c),$(B)/bin/anju-node) \
  $(if $(wildcard common/daemon/anjuctl.c),$(B)/bin/anjuctl)
SIM := $(if $(wildcard tests/sim/main.c),$(B)/tests/sim/sim)

.DEFAULT_GOAL := all
.PHONY: all everything help man pages test units sim fuzz mutants tidy bench demo install package package-test clean
all: $(PROGRAMS)
everything: $(PROGRAMS) $(UNITS) $(TOOLS) $(SIM)
help:
	@sed -n '1,10p' Makefile

# ---- compiling
.SECONDARY:
$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	@echo PROTOC $<; protoc-c --proto_path=proto --c_out=$(B)/gen $<
$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags.mk
	@mkdir -p $(@D)
	@echo CC $<; $(CCACHE) $(CC) $(CFLAGS_GEN) -MMD -MP -c $< -o $@
$(B)/obj/%.o: %.c $(B)/flags.mk | $(GEN)
	@mkdir -p $(@D)
	@echo CC $<; $(CCACHE) $(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

$(B)/libanju.a: $(LIB_OBJ)
	@rm -f $@; ar rcs $@ $^
$(B)/bin/anju-hub: $(B)/obj/hub/main.o $(HUB_OBJ) $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL)
$(B)/bin/anju-node: $(B)/obj/node/main.o $(NODE_OBJ) $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL)
$(B)/bin/anjuctl: $(B)/obj/common/daemon/anjuctl.o $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL)

# ---- the hub's page, by npm. The daemons need neither: without these files the hub serves a plain page.
pages: $(B)/www/hub/index.html
%/node_modules/.package-lock.json: %/package-lock.json
	@echo NPM $*; npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@ || \
	  { echo "make: npm could not install what $< names (node and npm, and a registry that answers); without the packages of hub/web the hub serves a plain page" >&2; exit 1; }
$(B)/www/hub/index.html: hub/web/node_modules/.package-lock.json hub/web/build.mjs $(wildcard hub/web/src/*)
	@echo ESBUILD hub/web; node hub/web/build.mjs $(B)/www/hub

# ---- tests: a file tests/unit/test_x.c is a program
$(B)/tests/sim/sim: $(SIM_OBJ) $(SUPPORT_OBJ) $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL)
$(B)/tests/%: $(B)/obj/tests/%.o $(SUPPORT_OBJ) $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL) -lcmocka
$(B)/tests/e2e/%.so: tests/e2e/%.c
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I. -shared -fPIC -o $@ $< -ldl
# The programs of tests/city judge the product, so they are linked without it.
$(B)/tests/city/%: $(B)/obj/tests/city/%.o
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -o $@ $^ $(LIBS_ALL)
$(B)/tests/city/gen_city: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/city/gen/*.c))
units: $(UNITS)
	@for t in $(UNITS); do echo "== $$t"; $$t || exit 1; done
sim: $(SIM)
	$(SIM) --seeds $(or $(SEEDS),300)

# ---- fuzzing, with clang: make CC=clang B=build/fuzz SAN=fuzzer-no-link,address,undefined build/fuzz/tests/fuzz/fuzz_x
$(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(SUPPORT_OBJ) $(B)/libanju.a
	@mkdir -p $(@D)
	@echo LD $@; $(CC) -fsanitize=fuzzer -o $@ $^ $(LIBS_ALL) -lcmocka
fuzz:
	tests/run --no-setup --only fuzz
test:
	tests/run --no-setup
man: all
	deploy/man/make.sh $(B)/man
mutants:
	tests/mutants/run.sh
tidy:
	tests/run --no-setup --only tidy

# ---- numbers, the demo, mounting
bench:
	tests/bench/run.sh
demo:
	deploy/demo
install: all man
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/anju/catalogue/mapping $(DESTDIR)$(PREFIX)/share/anju/policies
	install -m 755 $(B)/bin/anju-hub $(B)/bin/anju-node $(B)/bin/anjuctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 deploy/catalogue/*.yaml deploy/catalogue/NUMBERS $(DESTDIR)$(PREFIX)/share/anju/catalogue
	install -m 644 deploy/catalogue/mapping/*.yaml $(DESTDIR)$(PREFIX)/share/anju/catalogue/mapping
	install -m 644 deploy/policies/*.yaml $(DESTDIR)$(PREFIX)/share/anju/policies
	for page in $(B)/www/*/; do [ ! -e "$$page/index.html" ] || { to=$(DESTDIR)$(PREFIX)/share/anju/www/$$(basename "$$page"); \
	  install -d "$$to" && install -m 644 "$$page"/* "$$to"; }; done
	for page in $(B)/man/*; do install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$(basename $$page); done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(B)/bin/anjuctl completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/anjuctl
	install -d $(DESTDIR)$(PREFIX)/share/anju/monitoring
	install -m 644 deploy/monitoring/alerts.yaml deploy/monitoring/grafana.json $(DESTDIR)$(PREFIX)/share/anju/monitoring
package:
	deploy/package
package-test:
	tests/package/run.sh

clean:
	rm -rf $(B)
