#!/usr/bin/env bash
# Runs a command beside a real PostgreSQL made for it, and clears that away afterwards, whatever happens.
# Never touches a server or a cluster that it did not make. Called by `make test` and `make bench`.
#
#     tests/with-postgres.sh COMMAND [ARGUMENT…]
#
# The command finds the server in ROLLCALL_TEST_POSTGRES (postgres://postgres@127.0.0.1:PORT, no password needed) and its exit
# code is passed on. If ROLLCALL_TEST_POSTGRES is set already, the command is run with that and nothing is started.
set -euo pipefail

fail() {
    echo "with-postgres.sh: $*" >&2
    exit 1
}

if [[ $# -eq 0 ]]; then
    echo "usage: tests/with-postgres.sh COMMAND [ARGUMENT…]" >&2
    exit 2
fi
if [[ -n ${ROLLCALL_TEST_POSTGRES:-} ]]; then
    exec "$@"
fi

# The folder of the newest PostgreSQL's programs; Debian keeps them off the PATH.
programs() {
    local initdb
    initdb=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    [[ -x $initdb ]] && dirname "$initdb"
}

install_postgresql() {
    local as_root=() switch=/etc/postgresql-common/createcluster.d/rollcall-tests.conf
    command -v apt-get >/dev/null || fail "PostgreSQL is missing and there is no apt-get to install it: install it, or set ROLLCALL_TEST_POSTGRES to a server"
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || fail "PostgreSQL is missing and only root can install it: run 'apt-get install postgresql' as root, or set ROLLCALL_TEST_POSTGRES to a server"
        as_root=(sudo)
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=600)
    echo "with-postgres.sh: PostgreSQL is missing, installing Debian's" >&2
    "${apt[@]}" update
    # The package would make a cluster of its own and start it; the common part reads whether it may, so that comes first.
    "${apt[@]}" install postgresql-common
    "${as_root[@]}" mkdir -p "${switch%/*}"
    echo "create_main_cluster = false" | "${as_root[@]}" tee "$switch" >/dev/null
    "${apt[@]}" install postgresql
    "${as_root[@]}" rm -f "$switch"
    "${as_root[@]}" rmdir --ignore-fail-on-non-empty "${switch%/*}"
}

if ! bin=$(programs); then
    install_postgresql >&2
    bin=$(programs) || fail "PostgreSQL was installed, but /usr/lib/postgresql/*/bin/initdb is missing"
fi

# Under /tmp, whatever TMPDIR says: the path of a socket has at most 107 bytes, and the user postgres must get there.
home=$(mktemp -d /tmp/rollcall-postgres.XXXXXX)
command_group=

clear_away() {
    local code=$?
    trap - EXIT
    trap '' HUP INT TERM # A second signal must not cut this short.
    if [[ -n $command_group ]]; then
        kill -TERM -- "-$command_group" 2>/dev/null || true
    fi
    # Nothing in it is worth a clean shutdown. pg_ctl finds the server by the pid in this very folder.
    if [[ -e $home/data/postmaster.pid ]]; then
        as_server "$bin/pg_ctl" stop --silent --wait --mode immediate -D "$home/data" >&2 || true
    fi
    rm -rf -- "$home"
    exit "$code"
}

# initdb and the server refuse root. The folder is left for one that the user postgres may read.
as_server() {
    if [[ $EUID -eq 0 ]]; then
        (cd "$home" && LC_ALL=C.UTF-8 exec runuser -u postgres -- "$@")
    else
        (cd "$home" && LC_ALL=C.UTF-8 exec "$@")
    fi
}

trap clear_away EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ $EUID -eq 0 ]]; then
    chown postgres "$home"
fi
as_server "$bin/initdb" --no-sync -A trust --locale=C.UTF-8 -U postgres -D "$home/data" >"$home/initdb.log" 2>&1 || {
    cat "$home/initdb.log" >&2
    fail "initdb failed"
}

# Below the ports that the kernel hands out to clients, so that only another server can hold one; then the next is tried.
for _ in {1..20}; do
    port=$((20000 + RANDOM % 12000))
    : >"$home/start.log"
    if as_server "$bin/pg_ctl" start --silent --wait -D "$home/data" -l "$home/server.log" \
        -o "-p $port -k $home -c fsync=off -c max_connections=300 -c listen_addresses=127.0.0.1" >"$home/start.log" 2>&1; then
        started=yes
        break
    fi
    grep -q "Address already in use" "$home/server.log" || break
    rm -f "$home/server.log"
done
if [[ -z ${started:-} ]]; then
    cat "$home/start.log" "$home/server.log" >&2 || true
    fail "PostgreSQL did not start"
fi
export ROLLCALL_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port"
# For the tests that restart a server of their own.
export ROLLCALL_TEST_POSTGRES_DATA="$home/data" ROLLCALL_TEST_POSTGRES_PROGRAMS="$bin"

code=0
if [[ -t 0 ]]; then
    # In the foreground the command keeps the terminal, and Ctrl-C reaches it by itself.
    "$@" || code=$?
else
    # In the background, in a process group of its own: so a signal to this script is acted on at once, and ends all of it.
    set -m
    "$@" &
    command_group=$!
    wait "$command_group" || code=$?
    command_group=
fi
exit "$code"
