#!/usr/bin/env bash
# Builds everything that a release consists of: deploy/release/build.sh [VERSION]
# VERSION is that of the tag which is checked out, v1.2.3 as 1.2.3. OUT is where it goes,
# PLATFORMS which ones. The same sources and the same Go give the same files.
set -euo pipefail
OUT=$(realpath -m "${OUT:-$(dirname "$0")/out}")
cd "$(dirname "$0")/../.."

version=${1:-$(git describe --exact-match --tags --match 'v*' 2>/dev/null | sed 's/^v//')} || true
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] ||
  { echo "build.sh: \"$version\" is no version: check out a tag such as v1.2.3, or name a version such as 1.2.3" >&2; exit 2; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
rm -rf "$OUT"
mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

deploy/release/manual.sh "$work/manual"

for platform in ${PLATFORMS:-linux/amd64 linux/arm64 linux/arm7 darwin/amd64 darwin/arm64}; do
  os=${platform%/*} arch=${platform#*/}
  name=pulltrail_${version}_${os}_$arch
  mkdir "$work/$name"
  cp LICENSE THIRD_PARTY_NOTICES README.md config.yaml "$work/$name"
  cp -r "$work/manual"/{man,completion} "$work/$name"
  program=$work/$name/pulltrail
  deploy/release/binary.sh "$program" "$os" "$arch" "$version"
  deploy/release/sbom.sh "$program" "$version" >"$program.cdx.json"
  cp "$program.cdx.json" "$OUT/$name.cdx.json"
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n9 >"$OUT/$name.tar.gz"
  [[ $os == linux ]] || continue
  for packager in deb rpm; do PROGRAM=$program OUT=$work/packages deploy/packages/build.sh "$packager" "$arch" "$version"; done
  mv "$work"/packages/*.{deb,rpm} "$OUT"
done
cd "$OUT"
sha256sum -- * >"$work/SHA256SUMS"
mv "$work/SHA256SUMS" .
