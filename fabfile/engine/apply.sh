# What every apply script can call. Sets: state (where mailfab keeps things on the host), run (this
# run's folder in it), work (the folder for what is half-made), holder (who is at work), version (of
# mailfab), patience (seconds to wait for the lock), nonce (what marks our own lines in the output).
# For any POSIX shell. The fixes of resources use write_file, rewrite, keep, sql and service_*.

mark() { printf '@%s %s\n' "$nonce" "$*"; }

# keep PATH: before a file is replaced, put it where a rollback finds it; once in a run.
keep() {
    [ -e "$run/kept$1" ] || [ -L "$run/kept$1" ] || [ -e "$run/absent$1" ] && return 0
    folder=$(dirname "$1")
    if [ -f "$1" ] || [ -L "$1" ]; then
        mkdir -p "$run/kept$folder"
        cp -pP "$1" "$work/kept"
        mv "$work/kept" "$run/kept$1"
    elif [ ! -e "$1" ]; then
        mkdir -p "$run/absent$folder"
        : >"$run/absent$1"
    else
        return 0
    fi
    printf '%s\n' "$1" | tee -a "$run/section" >>"$run/replaced"
}

# put_back RUN PATH: make a file what it was before that run, whose folder has it if it was there.
put_back() {
    if [ -e "$1/kept$2" ] || [ -L "$1/kept$2" ]; then
        cp -pP "$1/kept$2" "$2.mailfab-back" && mv -f "$2.mailfab-back" "$2"
    elif [ -e "$1/absent$2" ]; then
        rm -f "$2"
    fi
}

# put_back_all: undo what this section has replaced so far; sets count to how many files that was.
put_back_all() {
    count=0
    [ -r "$run/section" ] || return 0
    while IFS= read -r path; do
        put_back "$run" "$path"
        count=$((count + 1))
    done <"$run/section"
}

# write_file OWNER GROUP MODE PATH: replace a file by standard input, in one step that a crash
# cannot split; the new file never has other rights than its own, not even while it is written.
write_file() {
    if [ -d "$4" ] && [ ! -L "$4" ]; then
        echo "$4 is a directory" >&2
        return 1
    fi
    # Where everybody can find it; only the file itself may be secret.
    [ -d "${4%/*}" ] || (umask 022 && mkdir -p "${4%/*}")
    rm -f "$4".mailfab-new.*
    new=$(mktemp "$4.mailfab-new.XXXXXX")
    chown "$1:$2" "$new"
    chmod "$3" "$new"
    # dd is the one program of coreutils 8.4 that syncs a file.
    if ! said=$(dd of="$new" bs=65536 conv=fsync,notrunc 2>&1); then
        printf '%s\n' "$said" >&2
        rm -f "$new"
        return 1
    fi
    # The label is that of the file that was there; a new one's depends on its name.
    if ! selinux; then
        mv -f "$new" "$4"
    elif [ -e "$4" ]; then
        chcon --reference="$4" "$new" || :
        mv -f "$new" "$4"
    else
        mv -f "$new" "$4"
        restorecon "$4" || :
    fi
}

selinux() { command -v selinuxenabled >/dev/null && selinuxenabled; }

# rewrite PATH PROGRAM: put a file through awk; whose it is and who may read it stays. Variables
# set in front of it reach the program in ENVIRON, where awk does not interpret backslashes.
rewrite() {
    path=$(readlink -f "$1")
    [ -f "$path" ] || : | write_file root root 0644 "$path"
    export section option value name entry
    awk "$2" "$path" >"$work/edited"
    # shellcheck disable=SC2046  # three words
    set -- "$path" $(stat -c '%u %g %a' "$path")
    write_file "$2" "$3" "$4" "$1" <"$work/edited"
    rm -f "$work/edited"
}

systemd() { [ -d /run/systemd/system ]; }

service_do() { # VERB SERVICE [PROCESS-UNIT]
    # What does not run has nothing to reload: whoever starts it reads the new configuration.
    if [ "$1" = reload ] && ! service_runs "${3:-$2}"; then return 0; fi
    if systemd; then
        # Five starts within ten seconds are one too many for systemd, unless it forgets them.
        # shellcheck disable=SC2086  # no argument where there is none
        systemctl reset-failed "$2" ${3-} 2>/dev/null || :
        case $1 in reload) set -- reload-or-restart "$2" "${3-}" ;; esac
        # An umbrella unit is up at once; to start the one below it is to wait for it.
        if systemctl "$1" "$2"; then
            if [ "$1" = stop ] || [ -z "${3-}" ] || systemctl start "$3"; then return 0; fi
        fi
        # shellcheck disable=SC2086
        systemctl --no-pager --full --lines=15 status "$2" ${3-} || :
        return 1
    fi
    # A daemon that keeps our output open would keep the connection open with it.
    service "$2" "$1" >"$work/service.out" 2>&1 </dev/null && return
    cat "$work/service.out"
    tail -n 8 /var/log/messages /var/log/maillog /var/log/mysqld.log 2>/dev/null
    return 1
}

service_enable() {
    if systemd; then
        systemctl --quiet enable "$1"
        return
    fi
    # The package's script may have died before it had a link in every runlevel.
    chkconfig --add "$1" && chkconfig "$1" on
}

service_disable() {
    if systemd; then systemctl --quiet disable "$1"; else chkconfig "$1" off; fi
}

service_runs() {
    if systemd; then systemctl --quiet is-active "$1"; else service "$1" status >/dev/null 2>&1 </dev/null; fi
}

# sql: the client of whichever server is installed, as root, statements on standard input. When the
# password in root's file is refused, it may be one that a run which died had yet to set.
sql() {
    client=$(command -v mariadb || command -v mysql)
    statements=$(cat)
    printf '%s\n' "$statements" | "$client" "$@" 2>"$work/sql.said" && return
    if grep -q 'ERROR 1045' "$work/sql.said"; then
        printf '%s\n' "$statements" | "$client" --password= "$@" 2>/dev/null && return
    fi
    cat "$work/sql.said" >&2
    return 1
}

# sql_from QUERY: run the statements that a query returns. They are worked out on the server when
# they are needed, so that they fit whatever is there.
sql_from() {
    found=$(printf '%s\n' "$1" | sql -N -r)
    printf '%s\n' "$found" | sql
}

due() { : >"$state/pending/$1.$2"; }
settled() { rm -f "$state/pending/$1.$2"; }

# log_tail: what a failed command said. Nothing at all may mean that there was no room for it.
log_tail() {
    if [ -s "$run/log" ]; then tail -n 25 "$run/log"; else df -k "$state" /; fi | sed 's/^/|/'
}

# Not `step N || …`: a shell ignores `set -e` in whatever runs on the left of `||`.
step() {
    # The lock's holder hears it when somebody asks the run to stop.
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

# act N VERB SERVICE [PROCESS-UNIT]: check, and only then restart. When either fails, the files
# that this section has replaced are put back, and a service that went down is started with them.
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
    # What a run that died had not finished, keys among it, is of no use to anybody.
    rm -rf "$work"
    mkdir -p "$run" "$work" || return 1
    rm -f "$run/section"
    printf 'started=%s\nholder=%s\norigin=%s\nversion=%s\nsections=%s\nended=no\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$holder" "${SSH_CLIENT%% *}" "$version" "$section" \
        >>"$run/about"
}

# ended: note in the run's folder how this apply went.
ended() { if [ -z "$failed" ]; then echo ended=ok; else echo ended=failed; fi >>"$run/about"; }

# prune: the folders of old runs, all but the last twenty.
prune() {
    # shellcheck disable=SC2012  # names of ours: times
    ls "$state/runs" | sort -r | sed 1,20d | while IFS= read -r old; do
        rm -rf "$state/runs/$old"
    done
}
