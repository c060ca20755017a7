# Everything that is needed beside a Swift toolchain comes from Debian's packages, and is installed here.
PACKAGES = libyaml-dev libseccomp-dev libarchive-dev pkg-config iproute2 python3
PREFIX ?= /usr/local
RELEASE = .build/release/roost

.PHONY: all build release test check bench format install deps toolchain clean

all: build

build: deps
	swift build

release: deps
	swift build -c release --static-swift-stdlib --product roost

test: deps
	swift build --build-tests
	swift test --skip-build

check: deps
	swift format lint --strict --recursive Package.swift Sources Tests
	swift build --build-tests
	swift test --skip-build --skip KernelTests

# BENCH= takes options: docs/benchmarks.md lists them.
bench: release
	python3 Tests/Benchmarks/bench.py --roost $(RELEASE) $(BENCH)

format:
	swift format format --in-place --recursive Package.swift Sources Tests

install: release
	install -D -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/roost

toolchain:
	@command -v swift >/dev/null || { echo "roost needs Swift 6.3 or later: get the toolchain for Debian from https://www.swift.org/install/linux/ and put its usr/bin on the PATH" >&2; exit 1; }

deps: toolchain
	@missing=; for p in $(PACKAGES); do dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing" >&2; \
	  if [ "$$(id -u)" = 0 ]; then as=; else as=sudo; fi; \
	  $$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing >/dev/null; fi

clean:
	rm -rf .build
