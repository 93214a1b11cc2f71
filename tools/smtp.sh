#!/usr/bin/env bash
# Builds the mail server of the tests (Inbucket) from the pinned module beside this file, once, into a cache outside the
# checkout, and prints the path of its program. Needs Go alone; takes seconds. Called by the tests themselves.
#
# If ROLLCALL_TEST_INBUCKET names a program, that is taken and nothing is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ -x ${ROLLCALL_TEST_INBUCKET:-} ]]; then
    echo "$ROLLCALL_TEST_INBUCKET"
    exit
fi
key=$(cat "$here"/smtp.sh "$here"/inbucket/go.mod "$here"/inbucket/go.sum | sha256sum | cut -c 1-16)
program=${XDG_CACHE_HOME:-$HOME/.cache}/rollcall/inbucket-$key
if [[ -x $program ]]; then
    echo "$program"
    exit
fi
command -v go >/dev/null || {
    echo "smtp.sh: the mail server of the tests is built with Go: install it, or set ROLLCALL_TEST_INBUCKET" >&2
    exit 1
}
mkdir -p "$(dirname "$program")"
work=$(mktemp "$program.XXXXXX")
trap 'rm -f "$work"' EXIT
(cd "$here/inbucket" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w" -o "$work" github.com/inbucket/inbucket/v3/cmd/inbucket) >&2
chmod 755 "$work"
# Another build may have been faster; either is right.
mv "$work" "$program"
trap - EXIT
echo "$program"
