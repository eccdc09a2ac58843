# For bash: eval "$(fab --print-completion-script bash)"
_complete_fab() {
    # Up to the word at the cursor, which is passed on although it may be empty.
    local IFS=$'\n'
    # shellcheck disable=SC2207  # bash 3.2 has no mapfile
    COMPREPLY=($(compgen -W "$(fab --complete -- "${COMP_WORDS[@]:0:COMP_CWORD+1}")" -- "$2"))
}
complete -F _complete_fab -o default fab
