#!/bin/sh
# packages.sh: installs from Debian's packages the programs that the samples run. Does nothing, within milliseconds,
# when all of them are there. Starts no service, makes no database, and leaves disabled what it installed: only the
# programs are wanted, and what already runs on this machine stays as it is. Becomes root with sudo when it has to.
# With --tests it also installs what the tests run against: a registry, and a program of others that speaks to it.
set -eu

packages=
services=
need() {  # need PACKAGE SERVICE FILE...: one of the files is enough
    package=$1 service=$2
    shift 2
    for file; do
        [ ! -e "$file" ] || return 0
    done
    packages="$packages $package"
    [ "$service" = - ] || services="$services $service"
}
need nginx nginx /usr/sbin/nginx
need redis-server redis-server /usr/bin/redis-server
need postgresql postgresql /usr/lib/postgresql/*/bin/postgres
need python3 - /usr/bin/python3
need python3-redis - /usr/lib/python3/dist-packages/redis/__init__.py
need python3-psycopg2 - /usr/lib/python3/dist-packages/psycopg2/__init__.py
need util-linux - /usr/bin/setpriv
if [ "${1-}" = --tests ]; then
    need docker-registry docker-registry /usr/bin/docker-registry
    need skopeo - /usr/bin/skopeo
    need openssl - /usr/bin/openssl
fi
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "packages.sh: these Debian packages are missing:$packages; install their counterparts" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    exec sudo -- /bin/sh "$0" "$@"
fi
echo "installing$packages" >&2

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
mark="# Left by packages.sh of Roost's samples; may be removed."
mine=
made=$(for directory in "$clusters" /etc/postgresql-common; do [ -d "$directory" ] || echo "$directory"; done)
cleanup() {
    rm -f "$clusters/zz-samples.conf" ${mine:+"$mine"}
    for directory in $made; do
        rmdir "$directory" 2>/dev/null || true  # not empty: it is the package's now
    done
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# Debian's switch against starting services. Should this script be killed, the file it leaves forbids nothing any more.
if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
    mine=$policy
    printf '%s\n' '#!/bin/sh' "$mark" "kill -0 $$ 2>/dev/null && exit 101" 'exit 0' > "$policy"
    chmod 755 "$policy"
fi
mkdir -p "$clusters"
echo 'create_main_cluster = false' > "$clusters/zz-samples.conf"

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
apt-get install -qqy --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 $packages >/dev/null

for service in $services; do
    # The helper works for packages only, and wants to be told which.
    ! command -v deb-systemd-helper >/dev/null ||
        DPKG_MAINTSCRIPT_PACKAGE=$service deb-systemd-helper --quiet disable "$service.service"
    ! command -v update-rc.d >/dev/null || update-rc.d "$service" disable
done
