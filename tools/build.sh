#!/usr/bin/env bash
# Builds the control plane of the cluster tests (etcd, kube-apiserver, kube-controller-manager, kubectl, helm) from the pinned
# modules beside this file, once, into a cache outside the checkout, and prints the folder of its programs. Needs Go alone.
#
# If KUBEBUILDER_ASSETS names a folder that has all of them, that is taken and nothing is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=(etcd kube-apiserver kube-controller-manager kubectl helm)

complete() {
    local program
    for program in "${programs[@]}"; do
        [[ -x $1/$program ]] || return 1
    done
}

if [[ -n ${KUBEBUILDER_ASSETS:-} ]] && complete "$KUBEBUILDER_ASSETS"; then
    echo "$KUBEBUILDER_ASSETS"
    exit
fi
key=$(cat "$here"/build.sh "$here"/{etcd,kubernetes,helm}/go.{mod,sum} | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rollcall/tools-$key
if complete "$cache"; then
    echo "$cache"
    exit
fi
command -v go >/dev/null || {
    echo "build.sh: the control plane of the cluster tests is built with Go: install it, or set KUBEBUILDER_ASSETS" >&2
    exit 1
}
echo "build.sh: building the control plane of the cluster tests; once, about 8 minutes" >&2

# The servers tell their version from these, and helm refuses one that calls itself v0.0.0.
kubernetes=$(sed -n 's/.*k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$here/kubernetes/go.mod")
IFS=. read -r major minor _ <<<"${kubernetes#v}"
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=$major -X $version.gitMinor=$minor"

mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
build() { # MODULE PACKAGE PROGRAM
    (cd "$here/$1" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "$flags" -o "$work/$3" "$2") >&2
}
build etcd go.etcd.io/etcd/server/v3 etcd
for program in kube-apiserver kube-controller-manager kubectl; do
    build kubernetes "k8s.io/kubernetes/cmd/$program" "$program"
done
build helm helm.sh/helm/v4/cmd/helm helm
chmod 755 "$work"
# Another build may have been faster; either is right.
mv --no-target-directory "$work" "$cache" 2>/dev/null || complete "$cache"
trap - EXIT
echo "$cache"
