#!/usr/bin/env bash
# Builds the packages: deploy/packages/build.sh deb|rpm [ARCH [VERSION]]
# ARCH is amd64, arm64 or arm7. OUT is where they go; SOURCE_DATE_EPOCH is their time;
# PROGRAM is what was built before, with its SBOM, man and completion beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."

nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
packager=${1:?usage: build.sh deb|rpm [ARCH [VERSION]]}
export ARCH=${2:-$(go env GOHOSTARCH)} VERSION=${3:-0.0.0}
export OUT=${OUT:-deploy/packages/out}
# Sources without their repository have no time.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

rm -rf "$OUT/man" "$OUT/completion"
mkdir -p "$OUT"
if [[ -n ${PROGRAM:-} ]]; then
  cp "$PROGRAM" "$OUT/pulltrail"
  cp "$PROGRAM.cdx.json" "$OUT/pulltrail.cdx.json"
  cp -r "$(dirname "$PROGRAM")"/{man,completion} "$OUT"
else
  deploy/release/binary.sh "$OUT/pulltrail" linux "$ARCH" "$VERSION"
  deploy/release/sbom.sh "$OUT/pulltrail" "$VERSION" >"$OUT/pulltrail.cdx.json"
  deploy/release/manual.sh "$OUT"
fi
gzip -n9 "$OUT"/man/*.1
# The service has its directory from systemd; commands beside it find it here.
sed 's#^data_dir: data$#data_dir: /var/lib/pulltrail#' config.yaml >"$OUT/config.yaml"
grep -q '^data_dir: /var/lib/pulltrail$' "$OUT/config.yaml" || { echo "build.sh: config.yaml has no data_dir: data" >&2; exit 1; }
GOFLAGS=-mod=mod go run "$nfpm" package --config deploy/packages/nfpm.yaml --packager "$packager" --target "$OUT"
