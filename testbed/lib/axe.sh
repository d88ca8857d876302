# axe-core, the rules for accessible pages: no server, but what the browser tests need.
# shellcheck shell=bash

axe=axe/node_modules/axe-core/axe.min.js

# axe_install fetches it, unless it is there.
axe_install() {
  [[ -e $cache/$axe ]] && return
  needs npm npm
  say "fetching axe-core"
  mkdir -p "$cache/axe"
  cp "$testbed"/axe/package*.json "$cache/axe/"
  (cd "$cache/axe" && npm ci --silent --no-audit --no-fund --ignore-scripts >&2)
}

axe_variables() {
  if [[ -e $cache/$axe ]]; then export_line AXE "$cache/$axe"; fi
  if hash chromium 2>/dev/null; then export_line CHROMIUM "$(command -v chromium)"; fi
}
