#!/usr/bin/env bash
# Makes a stand-in for the image that the Dockerfile builds with, where no registry can be
# reached: this machine's shell and certification authorities. Go itself is not copied but
# mounted, as are the caches of modules and builds.
#
#   deploy/image/stand-in.sh localhost/pulltrail-build
#   buildah build --build-arg BUILD_IMAGE=localhost/pulltrail-build $(deploy/image/stand-in.sh --mounts) .
set -euo pipefail

if [[ ${1:-} == --mounts ]]; then
  printf -- '-v %s:/usr/local/go:ro -v %s:/go/pkg/mod -v %s:/root/.cache/go-build\n' \
    "$(go env GOROOT)" "$(go env GOMODCACHE)" "$(go env GOCACHE)"
  exit
fi
name=${1:?usage: stand-in.sh NAME | --mounts}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# put FILE copies a file to the same place, whatever links lead there.
put() { install -D -m 0755 "$(readlink -f "$1")" "$root$1"; }
for program in /bin/sh /bin/mkdir; do
  put "$program"
  while read -r library; do put "$library"; done < <(ldd "$program" | grep -o '/[^ ]*')
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
install -D -m 0644 /dev/stdin "$root/etc/passwd" <<<'root:x:0:0:root:/root:/bin/sh'
mkdir -p "$root"/{root/.cache/go-build,go/pkg/mod,usr/local/go,tmp}
chmod 1777 "$root/tmp"
cat >"$root/../$(basename "$root").Dockerfile" <<DOCKERFILE
FROM scratch
COPY . /
ENV PATH=/usr/local/go/bin:/usr/bin:/bin GOPATH=/go HOME=/root GOPROXY=$(go env GOPROXY) GOTOOLCHAIN=local
DOCKERFILE
trap 'rm -rf "$root" "$root/../$(basename "$root").Dockerfile"' EXIT
buildah build --quiet --isolation chroot -t "$name" -f "$root/../$(basename "$root").Dockerfile" "$root"
