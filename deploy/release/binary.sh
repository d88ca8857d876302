#!/usr/bin/env bash
# Builds the program: deploy/release/binary.sh FILE OS ARCH VERSION
# ARCH is amd64, arm64 or arm7. The same sources and the same Go give the same file.
set -euo pipefail
usage='usage: binary.sh FILE OS ARCH VERSION'
file=$(realpath "${1:?$usage}") os=${2:?$usage} arch=${3:?$usage} version=${4:?$usage}
cd "$(dirname "$0")/../.."

# Sources without their repository have no commit.
revision=$(git rev-parse HEAD 2>/dev/null) || revision=
goarm=
if [[ $arch == arm7 ]]; then arch=arm goarm=7; fi
CGO_ENABLED=0 GOOS=$os GOARCH=$arch GOARM=$goarm go build -trimpath -buildvcs=false -o "$file" \
  -ldflags "-s -w -X pulltrail/internal/version.number=$version -X pulltrail/internal/version.revision=$revision" .
