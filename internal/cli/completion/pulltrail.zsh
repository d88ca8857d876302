#compdef pulltrail
# Completion of pulltrail for zsh: source <(pulltrail completion zsh)
_pulltrail() {
  local -a lines candidates
  local line word
  lines=("${(@f)$(${words[1]} __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  case ${lines[1]} in
  :files) compset -P '--*='; _files; return ;;
  :directories) compset -P '--*='; _files -/; return ;;
  esac
  for line in $lines; do
    word=${line%%$'\t'*}
    candidates+=("${word//:/\\:}:${line#*$'\t'}")
  done
  _describe pulltrail candidates
}
if [[ ${funcstack[1]} == _pulltrail ]]; then
  _pulltrail "$@"
else
  compdef _pulltrail pulltrail
fi
