# For bash: eval "$(fab --print-completion-script bash)"
_complete_fab() {
    # Up to the word at the cursor, which is passed on although it may be empty. Not `compgen -W`:
    # it expands what a name contains, and would run the command in `$(command)`.
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        case $word in "$2"*) COMPREPLY+=("$word") ;; esac
    done < <(fab --complete -- "${COMP_WORDS[@]:0:COMP_CWORD+1}")
}
complete -F _complete_fab -o default fab
