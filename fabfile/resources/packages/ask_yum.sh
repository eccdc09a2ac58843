# try_yum SECONDS PROGRAM ARGUMENTS: run yum, and retry for SECONDS while another program holds its
# lock; yum alone would wait forever. Return 200 on timeout: dnf exits with that code when the lock
# is held, yum with 1 and the words below.
try_yum() {
    left=$1 program=$2
    shift 2
    while :; do
        { errors=$(command "$program" --setopt=exit_on_lock=1 "$@" 2>&1 >&3 3>&-); } 3>&1
        code=$?
        case $errors in *'configured by exit_on_lock'*) code=200 ;; esac
        [ $code -eq 200 ] && [ "$left" -gt 0 ] || break
        left=$((left - 1))
        sleep 1
    done
    [ -z "$errors" ] || echo "$errors" >&2
    return "$code"
}

# ask_yum ARGUMENTS: query yum.
ask_yum() { try_yum 5 yum -q "$@"; }
