# Completion of pulltrail for bash: source <(pulltrail completion bash)
_pulltrail() {
  local -a words
  local before=${COMP_LINE:0:COMP_POINT} line
  read -ra words <<<"$before"
  [[ $before == *[[:space:]] ]] && words+=('')
  local last=${words[-1]}
  local value=$last
  [[ $last == --*=* ]] && value=${last#*=}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
    :files)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$value")
      return ;;
    :directories)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$value")
      return ;;
    esac
    line=${line%%$'\t'*}
    # Bash takes the = between a flag and its value for the end of a word.
    [[ $last == --*=* && $COMP_WORDBREAKS == *=* ]] && line=${line#*=}
    COMPREPLY+=("$line")
  done < <("$1" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _pulltrail pulltrail
