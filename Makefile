# Everything that is needed beside a Swift toolchain comes from Debian's packages, and is installed here.
PACKAGES = libyaml-dev libseccomp-dev libarchive-dev libzstd-dev liblzma-dev libbz2-dev zlib1g-dev pkg-config iproute2 python3
PREFIX ?= /usr/local
RELEASE = .build/release/roost
# Linked statically into a release: as shared libraries, libarchive and what it needs cost more than a millisecond at
# every start. Of libarchive only the readers are linked, and they need no more than these.
LIBRARIES = archive yaml seccomp zstd lzma bz2 z
STATIC = $(CURDIR)/.build/static
# The whole release is linked statically: it starts in half the time, and runs on any distribution. The C library takes
# no run path then. It lies at an address of its own, which chance chooses for each place where it is built: to move it at
# every start, 60,000 pointers would have to be written first, a fifth of what `runtime run` takes.
# Types are asked for by their accessors, which know the conformances: by name, each would look through all of them once.
LINK = $(addprefix -Xswiftc ,-Xfrontend -disable-concrete-type-metadata-mangled-name-accessors -Xfrontend -function-sections -static-executable -use-ld=lld) -Xlinker --image-base=$$(cat $(BASE)) \
  -Xlinker --symbol-ordering-file=$(ORDER) -Xlinker --no-warn-symbol-ordering
# What short commands execute lies together, in this order, so that they map less of the program. A name that is no
# more is passed over; `make order` looks again.
ORDER = $(CURDIR)/Sources/roost.order
BASE = .build/image-base

.PHONY: all build release order demo test peers check sanitize bench format docs install deps toolchain clean

all: build

build: deps
	swift build

release: deps $(STATIC) $(BASE)
	@# The package manager does not know of the order.
	@test $(RELEASE) -nt $(ORDER) || rm -f $(RELEASE)
	PKG_CONFIG_PATH=$(STATIC) swift build -c release --product roost --disable-local-rpath $(LINK)

# A page from 256 MB to 1.75 GB: the code reaches no further.
$(BASE):
	mkdir -p $(@D)
	printf '0x%x000\n' "$$((0x10000 + $$(od -An -N4 -tu4 /dev/urandom) % 0x60000))" > $@

# Descriptions that pkg-config prefers, and a directory that holds nothing but archives.
$(STATIC): Makefile
	rm -rf $@ && mkdir -p $@
	for l in $(LIBRARIES); do ln -s "$$(pkg-config --variable=libdir libarchive)/lib$$l.a" $@/; done
	for p in "libarchive archive zstd lzma bz2 z" "yaml-0.1 yaml" "libseccomp seccomp"; do set -- $$p; \
	  name=$$1; shift; printf 'Name: %s\nDescription: static\nVersion: %s\nLibs: -L%s %s\n' \
	    $$name "$$(pkg-config --modversion $$name)" $(STATIC) "$$(printf ' -l%s' $$*)" > $@/$$name.pc; done

# The sample of seven services, up and answering; says where it is and how to end it.
demo: release
	samples/voting/packages.sh
	cd samples/voting && $(CURDIR)/$(RELEASE) up -d --wait
	samples/voting/check.sh
	@echo; echo "Open http://localhost:$${VOTING_PORT:-8080} and vote; the result is at http://localhost:$${VOTING_PORT:-8080}/result"
	@echo "Look around:  cd samples/voting && $(CURDIR)/$(RELEASE) ps"
	@echo "End it:       cd samples/voting && $(CURDIR)/$(RELEASE) down -v"

REPORT = .build/tests
test: deps peers sanitize
	samples/voting/packages.sh --tests
	swift build --build-tests
	@rm -f $(REPORT)-swift-testing.xml
	swift test --skip-build --xunit-output $(REPORT).xml || { python3 Tests/failures.py $(REPORT)-swift-testing.xml; exit 1; }

check: deps
	swift format lint --strict --recursive Package.swift Sources Tests
	swift build --build-tests
	swift test --skip-build --skip KernelTests

# The C code under sanitizers, with warnings as errors: launch lists, ordinary and random ones.
SANITIZED = .build/sanitized
sanitize: toolchain
	@mkdir -p .build
	clang -std=gnu17 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld \
	  -ISources/CLinux/include Sources/CLinux/*.c Tests/Sanitizers/launch.c -o $(SANITIZED)
	ASAN_OPTIONS=detect_stack_use_after_return=1 timeout 300 $(SANITIZED)

order: release
	python3 Tests/Benchmarks/order.py $(RELEASE) $(ORDER)

# BENCH= takes options: docs/benchmarks.md lists them.
bench: release
	python3 Tests/Benchmarks/bench.py --roost $(RELEASE) $(BENCH)

format:
	swift format format --in-place --recursive Package.swift Sources Tests

# The pages that are made from the code.
docs: deps
	swift build --build-tests
	ROOST_WRITE_DOCS=1 swift test --skip-build --filter SupportTests

install: release
	install -D -s -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/roost

# What only tests need: runtimes for services that name one, and ps(1).
peers:
	@$(MAKE) --no-print-directory deps PACKAGES="crun runc procps"

toolchain:
	@command -v swift >/dev/null || { echo "roost needs Swift 6.3 or later: get the toolchain for Debian from https://www.swift.org/install/linux/ and put its usr/bin on the PATH" >&2; exit 1; }

deps: toolchain
	@missing=; for p in $(PACKAGES); do dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing" >&2; \
	  if [ "$$(id -u)" = 0 ]; then as=; else as=sudo; fi; \
	  $$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing >/dev/null; fi

clean:
	rm -rf .build
