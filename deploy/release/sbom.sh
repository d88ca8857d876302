#!/usr/bin/env bash
# Writes what a binary is made of, as CycloneDX JSON: deploy/release/sbom.sh BINARY VERSION
# The same binary gives the same text.
set -euo pipefail
usage='usage: sbom.sh BINARY VERSION'
binary=$(realpath "${1:?$usage}") version=${2:?$usage}
cd "$(dirname "$0")/../.."

cyclonedx=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
GOFLAGS=-mod=mod go run -trimpath "$cyclonedx" bin -json -std -noserial -notimestamp -version "v$version" "$binary" |
  go run ./deploy/licences sbom
