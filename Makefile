# SPDX-License-Identifier: GPL-2.0
# The modules themselves are described in Kbuild; this file is for people.
#
#   make                 build for the running kernel
#   make KDIR=/path      build for the kernel whose build tree this is
#   make help            the rest

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

# W=1, C=2, LLVM=1, V=1 and REFHEAP_BUSTED=1 given on the command line reach
# the kernel's makefiles by themselves.

.PHONY: all modules install modules_install clean help
.PHONY: setup demo bench check check-all lint vm oracle snapshot
.PHONY: torture mutants model proof

all: modules

ifneq ($(wildcard $(KDIR)/Makefile),)
modules modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf .build
else
modules modules_install:
	@echo 'No kernel headers in $(KDIR).' >&2
	@echo 'Install those of your kernel (Debian: linux-headers-$(KVER)),' >&2
	@echo 'or name a build tree: make KDIR=/path/to/kernel/build.' >&2
	@echo 'To try refheap without either: make demo' >&2
	@exit 1

clean:
	rm -rf .build
endif

install: modules_install

# The scripts set up what they need; see scripts/README.md.
setup demo bench check lint vm oracle torture mutants model proof:
	@scripts/$@

check-all:
	@scripts/check --all

# PROG may be followed by arguments; CLEAR names roots, see scripts/snapshot.
snapshot:
	@scripts/snapshot $(CLEAR:%=--clear '%') $(AFTER:%=--after %) $(PROG)

help:
	@echo 'make            build the modules for the running kernel'
	@echo 'make install    install them where modprobe finds them (as root)'
	@echo 'make clean      remove what was built'
	@echo '                KDIR=/path: for that kernel; W=, C=, V=, LLVM= as in the kernel'
	@echo
	@echo 'Without touching the running kernel (fetches kernels into ~/.cache/refheap):'
	@echo 'make demo       boot a stock kernel in QEMU, show a collection (KERNEL=6.1: that one)'
	@echo 'make vm         a shell in that machine (scripts/vm --help: more)'
	@echo 'make oracle     random programs in CPython and in refheap (SEED=n, PROGRAMS=n)'
	@echo 'make snapshot   the graph of a Python program in both (PROG=file.py, CLEAR=names)'
	@echo 'make bench      refheap beside CPython, PHP, Nim, Boehm, kref: one table (OBJECTS=n,'
	@echo '                ONLY=uml|user|peers; scripts/bench --page: a page too)'
	@echo 'make torture    everything at once on every CPU (MINUTES=n, SEED=n, CPUS=n,'
	@echo '                KERNEL=stock|kasan|kcsan|rt; scripts/torture --help: more)'
	@echo 'make mutants    refheap with a fault planted, one by one: does a test find each?'
	@echo 'make model      the models of the protocol (scripts/model --full: larger bounds)'
	@echo 'make proof      the proof of the closure rule (Coq), the litmus tests (herd7)'
	@echo 'make lint       the static checks'
	@echo 'make check      everything but what takes hours; closes with "N passed, N failed"'
	@echo 'make check-all  that too: other kernels, longer runs'
