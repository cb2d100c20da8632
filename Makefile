# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# `make help` lists the targets. Everything is built under build/, in one folder per compiler and set
# of flags: `make CC=clang`, `make SAN=address,undefined` or `make CFLAGS=-O3` never meet the objects
# of a plain `make`. A packager's CC, CFLAGS, CPPFLAGS and LDFLAGS come after ours and win.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

empty   :=
space   := $(empty) $(empty)
comma   := ,
quote   := '
number   = $(shell sed -n 's/^.define SEQCAST_VERSION_$1 *\([0-9]*\).*/\1/p' include/seqcast.h)
soname  := libseqcast.so.$(call number,MAJOR)
version := $(call number,MAJOR).$(call number,MINOR).$(call number,PATCH)

# -- Where: build/<compiler>[-<sanitizer>][-<checksum of the flags given>] ---------------------------

given    := $(strip $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(if $(WERROR),-Werror))
variants := $(if $(URCU),-urcu)$(if $(PORTABLE),-portable)
checksum := $(if $(given),-$(firstword $(shell printf %s '$(subst $(quote),,$(given))' | cksum)))
folder    = build/$(subst $(space),_,$(notdir $(CC)))$(variants)$(if $1,-$(subst $(comma),+,$1))$(checksum)
B        := $(call folder,$(SAN))

# -- How --------------------------------------------------------------------------------------------

CFLAGS     ?= -O2 -g
PKG_CONFIG ?= pkg-config

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 $(if $(WERROR),-Werror)
cppflags := -Iinclude -Isrc -Itools -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64
cflags   := -std=c11 -pthread -fvisibility=hidden -ffile-prefix-map=$(CURDIR)=. $(warnings)

ifdef SAN
sanitize := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
# gcc warns that ThreadSanitizer does not follow fences; clang does not know the warning
cflags   += $(sanitize) $(if $(findstring clang,$(shell $(CC) --version)),,-Wno-tsan)
endif

compile = $(CC) $(cppflags) $(cflags) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
link    = $(CC) -pthread $(sanitize) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
          $(filter-out %/libseqcast.a,$(filter %.a,$^)) $(filter %/libseqcast.a,$^)
libs    = $$(cat $B/libs)
objects = $(patsubst %.c,$B/$1/%.o,$2)
show    = $(if $(V),,@printf '  %-4s %s\n' $1 $@;)

found  = $(shell $(PKG_CONFIG) --exists $1 2>/dev/null && echo yes)
pc     = $(shell $(PKG_CONFIG) $1 2>/dev/null)
json  := $(call found,json-c)
urcu  := $(if $(URCU),$(or $(call pc,--libs liburcu-bp),-lurcu-bp -lurcu-common))

# -- What -------------------------------------------------------------------------------------------

# Of what there are two implementations, the build takes one: callers have no #ifdef.
unused  := $(if $(PORTABLE),%_linux.c,%_portable.c) $(if $(URCU),%_plain.c,%_urcu.c)
sources := $(filter-out $(unused),$(sort $(wildcard src/*.c src/platform/*.c src/layout/*.c src/handle/*.c)))
library := $B/libseqcast.a $B/libseqcast.so.$(version) $B/$(soname) $B/libseqcast.so
tools   := $(if $(json),$(patsubst tools/%.c,$B/%,$(sort $(wildcard tools/*.c))))
pages   := $(wildcard src/*.[1-8] src/*/*.[1-8] $(if $(tools),tools/*.[1-8]))

.PHONY: all
all: $(library) $(tools) ## the library and, where json-c is installed, the tools
	@echo "Seqcast $(version) is in $B."
	@$(if $(json),:,echo "The tools were left out. They need pkg-config and json-c: on Debian, pkg-config libjson-c-dev.")

$B/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call show,CC)$(compile)

$B/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call show,CC)$(compile) -fPIC

$B/libseqcast.a: $(call objects,obj,$(sources))
$B/libtools.a:   $(call objects,obj,$(sort $(wildcard tools/common/*.c)))
$B/%.a:
	@mkdir -p $(@D); rm -f $@
	$(call show,AR)$(AR) rcsD $@ $^

$B/libseqcast.so.$(version): $(call objects,pic,$(sources)) src/seqcast.map $B/libs
	$(call show,LD)$(link) -shared -Wl,-soname,$(soname) -Wl,--version-script=src/seqcast.map \
	        $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,-z,relro,-z,now $(libs)

$B/$(soname) $B/libseqcast.so: $B/libseqcast.so.$(version)
	@ln -sf $(<F) $@

# shm_open() lives in librt where the C library is old: a link test says whether it has to be named.
$B/libs: Makefile
	@mkdir -p $(@D)
	@printf '#include <sys/mman.h>\nint main(void) { return shm_open("/", 0, 0) >= 0; }\n' >$@.c
	@for lib in '' -lrt; do \
	        $(CC) $(cppflags) $(CFLAGS) $(LDFLAGS) -o $@.out $@.c $$lib 2>$@.log && echo $$lib $(urcu) >$@ && exit; \
	done; cat $@.log; exit 1

$B/obj/tools/%.o: cppflags += $(call pc,--cflags json-c)
$B/shmseg: $(call objects,obj,$(sort $(wildcard tools/bench/*.c)))
$(tools): $B/%: $B/obj/tools/%.o $B/libtools.a $B/libseqcast.a $B/libs
	$(call show,LD)$(link) $(call pc,--libs json-c) $(libs)

-include $(shell find $B -name '*.d' 2>/dev/null)

# -- Tests ------------------------------------------------------------------------------------------
# Every tests/<suite>/<name>.c becomes the program $B/tests/<suite>/<name>; tests/support/run_suites.sh
# says which of them are tests, and counts. The suite tsan is built with SAN=thread, whatever SAN is
# (Criterion does not run under ThreadSanitizer).

SUITES   ?= $(filter $(notdir $(wildcard tests/*)),\
            lint unit process crash fuzz tsan wait torture model ports cli examples install)
PACKAGES ?= g++ pkg-config libjson-c-dev libcriterion-dev libuv1-dev libck-dev bats jq strace mandoc spin valgrind

programs   = $(patsubst %.c,$B/%,$(filter-out $(unbuilt),$(wildcard $(1:%=tests/%/*.c))))
unbuilt   := $(if $(call found,criterion),,$(shell grep -ls '<criterion/' tests/*/*.c)) \
             $(if $(call found,libuv),,$(shell grep -ls '<uv.h>' tests/*/*.c))
jobs       = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(or $(shell nproc 2>/dev/null),1))
build_only = $(MAKE) --no-print-directory $(jobs) -k

$B/libsupport.a: $(call objects,obj,$(filter-out $(unbuilt),$(wildcard tests/support/*.c)))

$B/obj/tests/%.o: cppflags += -Itests -D_DEFAULT_SOURCE $(if $(URCU),-DURCU) $(call pc,--cflags json-c)
# Criterion's macros convert, take strings as char * and quote themselves
$B/obj/tests/unit/%.o $B/obj/tests/process/%.o $B/obj/tests/crash/%.o: \
        cflags += -Wno-conversion -Wno-write-strings -Wno-overlength-strings
$(if $(json),$(call programs,unit process fuzz): $B/libtools.a)
$B/tests/unit/test_histogram: $B/obj/tools/bench/histogram.o
# A fuzz target gets its main() from libreplay.a or, with SAN=fuzzer, from libFuzzer
$(call programs,fuzz): $B/libreplay.a
$B/obj/tests/fuzz/%.o: cppflags += $(if $(json),,-DWITHOUT_JSON_C)
$B/libreplay.a: $(call objects,obj,$(wildcard tests/fuzz/driver/*.c))
$B/tests/%: $B/obj/tests/%.o $B/libsupport.a $B/libseqcast.a $B/libs
	@mkdir -p $(@D)
	$(call show,LD)$(link) -Wl,--as-needed $(foreach p,json-c criterion libuv,$(call pc,--libs $p)) $(libs)

# What other ways there are from process to process, measured with the parts of `shmseg bench`
peers := $(if $(json),$B/tests/bench/peers)
$B/tests/bench/peers: $(call objects,obj,$(wildcard tests/bench/peers/*.c tools/bench/*.c)) \
        $B/libtools.a $B/libseqcast.a $B/libs
	@mkdir -p $(@D)
	$(call show,LD)$(link) $(call pc,--libs json-c) $(libs)

.PHONY: test check tsan asan mutants model demo bench instructions deps programs fuzz fuzzers soak
test: ## install what the tests need (Debian: by apt-get), then run all of them
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory check

check: ## run all tests that can run with what is installed; SUITES="unit cli" TESTS="*wait*": only these
	@failed=; \
	$(if $(filter-out tsan,$(SUITES)),$(build_only) all programs SUITES="$(filter-out tsan,$(SUITES))" || failed=--build-failed;) \
	$(if $(filter tsan,$(SUITES)),$(build_only) programs SUITES=tsan SAN=thread || failed=--build-failed;) \
	CC='$(CC)' TESTS='$(TESTS)' sh tests/support/run_suites.sh $$failed \
	        $(foreach suite,$(SUITES),$(if $(filter tsan,$(suite)),$(call folder,thread),$B):$(suite))

tsan: ## the race tests, under ThreadSanitizer
	@$(MAKE) --no-print-directory check SUITES=tsan

asan: ## unit, process, fuzz and command-line tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory check SAN=address,undefined SUITES="$(filter unit process fuzz cli,$(SUITES))"

SECONDS ?= 60
fuzz: ## the fuzz targets under libFuzzer, with clang: SECONDS=60 for each of them
	@sh tests/fuzz/driver/libfuzzer.sh --check $(fuzz_cc)
	@$(MAKE) --no-print-directory fuzzers CC=$(fuzz_cc) SAN=fuzzer,address,undefined

fuzz_cc      = $(if $(findstring clang,$(CC)),$(CC),clang)
fuzz_targets = $(filter-out $(if $(json),,%/tools.c),$(shell grep -ls LLVMFuzzerTestOneInput tests/fuzz/*.c))
fuzzers: $(patsubst %.c,$B/%,$(fuzz_targets))
	@sh tests/fuzz/driver/libfuzzer.sh $(SECONDS) $^

mutants: ## break the library in each way that the tests are to notice, and print what notices it
	@$(MAKE) --no-print-directory check MUTANTS=all TESTS='mutants.sh broken_* emitted.sh spin.sh' TEST_SECONDS=3600 \
	        SUITES='$(filter unit process crash fuzz tsan wait torture model ports,$(SUITES))'

model: ## the algorithms under model checkers, all rows of their tables; GENMC=PATH: GenMC is there
	@$(MAKE) --no-print-directory check SUITES=model MODEL=all TEST_SECONDS=7200

soak: ## the long versions of what breaks things, for HOURS=1 in all
	@$(build_only) all programs SUITES="$(filter unit process crash wait torture,$(SUITES))"
	@HOURS='$(HOURS)' CC='$(CC)' sh tests/support/soak.sh $B

demo: $(call programs,examples) $B/tests/bench/seed_cost ## three numbers in a 4 GB record that takes kilobytes
	@sh tests/examples/demo.sh $B

bench: $(filter $B/shmseg,$(tools)) $(peers) $(filter-out %/instructions,$(call programs,bench)) ## all benchmarks: under five minutes
	@for program in $^; do \
	        echo "== $${program##*/}"; \
	        case $$program in */shmseg) set -- bench ;; *) set -- ;; esac; \
	        $$program "$$@" || exit; \
	done

instructions: $B/tests/bench/instructions ## count the instructions of each call (valgrind)
	@sh tests/bench/instructions.sh $B

deps: ## install missing Debian packages for the tests and the tools
	@sh tests/support/deps.sh $(PACKAGES)

programs: $(call programs,$(SUITES) $(if $(filter examples,$(SUITES)),bench)) $(if $(filter examples,$(SUITES)),$(peers))

# -- Install: both spellings of each variable; the lower-case one wins --------------------------------

PREFIX       ?= /usr/local
prefix       ?= $(PREFIX)
BINDIR       ?= $(prefix)/bin
bindir       ?= $(BINDIR)
LIBDIR       ?= $(prefix)/lib
libdir       ?= $(LIBDIR)
INCLUDEDIR   ?= $(prefix)/include
includedir   ?= $(INCLUDEDIR)
MANDIR       ?= $(prefix)/share/man
mandir       ?= $(MANDIR)
PKGCONFIGDIR ?= $(libdir)/pkgconfig
pkgconfigdir ?= $(PKGCONFIGDIR)
cmakedir     := $(libdir)/cmake/seqcast

# source:destination:mode. Install, uninstall and tests/install read this one list.
installed := \
        include/seqcast.h:$(includedir)/seqcast.h:644 \
        $(foreach h,$(wildcard include/seqcast/*.h),$h:$(includedir)/seqcast/$(notdir $h):644) \
        $B/libseqcast.a:$(libdir)/libseqcast.a:644 \
        $B/libseqcast.so.$(version):$(libdir)/libseqcast.so.$(version):755 \
        libseqcast.so.$(version):$(libdir)/$(soname):link \
        $(soname):$(libdir)/libseqcast.so:link \
        $B/seqcast.pc:$(pkgconfigdir)/seqcast.pc:644 \
        $B/seqcast-config.cmake:$(cmakedir)/seqcast-config.cmake:644 \
        $B/seqcast-config-version.cmake:$(cmakedir)/seqcast-config-version.cmake:644 \
        $(foreach t,$(tools),$t:$(bindir)/$(notdir $t):755) \
        $(foreach p,$(pages),$p:$(mandir)/man$(subst .,,$(suffix $p))/$(notdir $p):644)

# A file in folder $1 finds the prefix from its own place, so that the installed tree can be moved.
prefix_from = $(if $(filter $(prefix)/%,$1),/$(subst $(space),/,$(patsubst %,..,$(subst /, ,$(patsubst $(prefix)/%,%,$1)))))
fill = sed -e 's|@prefix@|$(if $(call prefix_from,$1),$2$(call prefix_from,$1),$(prefix))|' \
        -e 's|@libdir@|$(patsubst $(prefix)/%,$3/%,$(libdir))|' \
        -e "s|@libs@|$(libs)|" -e "s|@libs_list@|$$(tr ' ' ';' <$B/libs)|" \
        -e 's|@includedir@|$(patsubst $(prefix)/%,$3/%,$(includedir))|' \
        -e 's|@soname@|$(soname)|' -e 's|@version@|$(version)|' $< >$@

.PHONY: install uninstall installed prefix_may_change
$B/seqcast.pc: src/seqcast.pc.in $B/libs prefix_may_change
	@$(call fill,$(pkgconfigdir),$${pcfiledir},$${prefix})
$B/%.cmake: src/%.cmake.in $B/libs prefix_may_change
	@$(call fill,$(cmakedir),$${CMAKE_CURRENT_LIST_DIR},$${_seqcast_prefix})

each_installed = set -e; for entry in $(installed); do \
        source=$${entry%%:*}; mode=$${entry\#\#*:}; \
        target=$${entry\#*:}; target="$(DESTDIR)$${target%:*}"

install: all $B/seqcast.pc $B/seqcast-config.cmake $B/seqcast-config-version.cmake ## DESTDIR, PREFIX, LIBDIR ... as usual
	@$(each_installed); mkdir -p "$${target%/*}"; \
	        case $$mode in \
	        link) ln -sf $$source "$$target" ;; \
	        *) install -m $$mode $$source "$$target" ;; \
	        esac; \
	done

uninstall: ## remove what install puts there, with the same variables
	@$(each_installed); rm -f "$$target"; done
	@rmdir "$(DESTDIR)$(includedir)/seqcast" "$(DESTDIR)$(cmakedir)" 2>/dev/null || :

installed: ## show what install puts where
	@printf '%s\n' $(installed)

# -- The rest -----------------------------------------------------------------------------------------

.PHONY: clean help
clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-19s%s\n", $$1, $$2 }'
	@echo "Variables: CC CFLAGS CPPFLAGS LDFLAGS SAN=thread|address,undefined WERROR=1 V=1 SUITES DESTDIR PREFIX"
