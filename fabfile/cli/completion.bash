# For bash: eval "$(fab --print-completion-script bash)"
_complete_fab() {
    # Up to the word at the cursor, which is passed on although it may be empty.
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$(fab --complete -- "${COMP_WORDS[@]:0:COMP_CWORD+1}")" -- "$2"))
}
complete -F _complete_fab -o default fab
