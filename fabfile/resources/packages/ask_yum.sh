# try_yum SECONDS PROGRAM ARGUMENTS: run yum, and retry for SECONDS while another program holds its
# lock; yum alone would wait forever. Return 200 on timeout: dnf exits with that code when the lock
# is held, yum with 1 and the words below. A repository of someone else's that does not answer is left
# out, as with skip_if_unavailable: it stops yum as a whole.
try_yum() {
    left=$1 program=$2 skip=
    shift 2
    while :; do
        # shellcheck disable=SC2086  # words
        { errors=$(command "$program" --setopt=exit_on_lock=1 $skip "$@" 2>&1 >&3 3>&-); } 3>&1
        code=$?
        case $errors in *'configured by exit_on_lock'*) code=200 ;; esac
        if [ $code -eq 200 ] && [ "$left" -gt 0 ]; then
            left=$((left - 1))
            sleep 1
            continue
        fi
        [ $code -ne 0 ] && [ $code -ne 200 ] || break
        repository=$(printf '%s\n' "$errors" | broken_repository)
        option=--setopt=$repository.skip_if_unavailable=1
        case "$repository $skip " in " "* | *" $option "*) break ;; esac
        skip="$skip $option"
        echo "the repository $repository does not answer, and is left out" >&2
    done
    [ -z "$errors" ] || echo "$errors" >&2
    return "$code"
}

# broken_repository: print the id of the repository that yum's or dnf's message names, unless it is
# one of the system's own, without which nothing can be installed.
broken_repository() {
    sed -n -e "s/.*metadata for repo '\([^' ]*\)'.*/\1/p" \
        -e "s/.*metadata for repository '\([^' ]*\)'.*/\1/p" \
        -e 's/.*(repomd.xml) for repository: \([^ ]*\)[.] .*/\1/p' \
        -e 's/.*Cannot find a valid baseurl for repo: \([^ /]*\).*/\1/p' \
        -e 's/.*failure: [^ ]* from \([^ :]*\): .*/\1/p' | head -n 1 |
        grep -vxE 'base|updates|extras|centosplus|baseos|appstream|rhel-.*|rhui-.*'
}

# ask_yum ARGUMENTS: query yum.
ask_yum() { try_yum 5 yum -q "$@"; }
