#!/usr/bin/env bash
# Writes the man pages and the completion scripts: deploy/release/manual.sh DIR
# They are made by the program, which is built for this machine. The same sources give the same files.
set -euo pipefail
dir=$(realpath -m "${1:?usage: manual.sh DIR}")
cd "$(dirname "$0")/../.."

mkdir -p "$dir/man" "$dir/completion"
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT
GOOS='' GOARCH='' GOARM='' CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$program/pulltrail" .
"$program/pulltrail" man "$dir/man"
"$program/pulltrail" completion bash >"$dir/completion/pulltrail"
"$program/pulltrail" completion zsh >"$dir/completion/_pulltrail"
"$program/pulltrail" completion fish >"$dir/completion/pulltrail.fish"
