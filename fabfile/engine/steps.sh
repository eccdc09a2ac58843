# The steps of an apply: run them in order until one fails, then make the restarts that are due. Part
# of every apply script, after files.sh and services.sh. Uses state (mailfab's folder on the host), run
# (this run's folder in it), work (the folder for temporary files), holder (who started the run),
# version (of mailfab), patience (seconds to wait for the lock), nonce (begins our marker lines in the
# output), section. The fixes of resources call write_file, rewrite, keep, sql and service_*.

mark() { printf '@%s %s\n' "$nonce" "$*"; }

due() { : >"$state/pending/$1.$2"; }
settled() { rm -f "$state/pending/$1.$2"; }

# log_tail: print the output of a failed command. An empty log may mean a full disk: print df instead.
log_tail() {
    if [ -s "$run/log" ]; then tail -n 25 "$run/log"; else df -k "$state" /; fi | sed 's/^/|/'
}

# Do not call it as `step N || …`: a shell ignores `set -e` in commands on the left of `||`.
step() {
    # The lock process creates this file when the run is cancelled.
    if [ -e "$work/stop" ]; then
        failed=1
        mark stopped
        return
    fi
    mark step "$1"
    (
        set -e
        "fix_$1"
    ) >"$run/log" 2>&1 9>&-
    code=$?
    if [ $code -eq 0 ]; then
        mark 'done' "$1"
        return
    fi
    failed=1
    mark failed "$1" $code
    log_tail
    echo
}

# act N VERB SERVICE [PROCESS-UNIT]: run the check, then restart. If either fails, restore the files
# that this section has replaced, and restart a service that failed to start.
act() {
    [ -e "$state/pending/$2.$3" ] || return 0
    mark act "$1"
    verdict=refused
    (
        set -e
        "check_$1"
    ) >"$run/log" 2>&1 9>&-
    code=$?
    if [ $code -eq 0 ]; then
        verdict=unstarted
        (
            set -e
            service_do "$2" "$3" "${4-}"
        ) >"$run/log" 2>&1 9>&-
        code=$?
    fi
    if [ $code -eq 0 ]; then
        settled "$2" "$3"
        mark acted "$1"
        return
    fi
    failed=1
    put_back_all
    if [ $verdict = unstarted ] && [ "$count" -gt 0 ]; then
        service_do restart "$3" "${4-}" >/dev/null 2>&1 9>&-
    fi
    mark $verdict "$1" $code "$count"
    log_tail
    echo
}

begin() {
    mkdir -p "$state/pending" "$state/runs" || return 1
    chmod 700 "$state"
    exec 9>>"$state/lock" || return 1
    if ! flock -w "$patience" 9; then
        mark locked "$(tail -n 1 "$state/lock.holder" 2>/dev/null)"
        return 1
    fi
    printf '%s\n' "$holder" >"$state/lock.holder"
    [ -d "$run" ] || prune
    # Remove the temporary files of a crashed run; they may hold private keys.
    rm -rf "$work"
    mkdir -p "$run" "$work" || return 1
    rm -f "$run/section"
    printf 'started=%s\nholder=%s\norigin=%s\nversion=%s\nsections=%s\nended=no\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$holder" "${SSH_CLIENT%% *}" "$version" "$section" \
        >>"$run/about"
}

# ended: record the result of this apply in the run's folder.
ended() { if [ -z "$failed" ]; then echo ended=ok; else echo ended=failed; fi >>"$run/about"; }

# prune: remove the folders of old runs, all but the last twenty.
prune() {
    # shellcheck disable=SC2012  # the names are ours: timestamps
    ls "$state/runs" | sort -r | sed 1,20d | while IFS= read -r old; do
        rm -rf "$state/runs/$old"
    done
}
