# Completion of pulltrail for fish: pulltrail completion fish > ~/.config/fish/completions/pulltrail.fish
function __pulltrail_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$last" 2>/dev/null)
    set -l flag ''
    string match -qr -- '^--[^=]*=' "$last"; and set flag (string match -r -- '^--[^=]*=' "$last")
    switch "$lines[1]"
        case :files
            printf '%s\n' $flag(__fish_complete_path (string replace -- "$flag" '' "$last"))
        case :directories
            printf '%s\n' $flag(__fish_complete_directories (string replace -- "$flag" '' "$last"))
        case '*'
            printf '%s\n' $lines
    end
end
complete -c pulltrail -f -a '(__pulltrail_complete)'
