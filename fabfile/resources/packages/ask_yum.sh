# try_yum SECONDS PROGRAM ARGUMENTS: yum, as soon as no other one holds its lock, for which it would
# wait without end by itself. 200 if one still does after that time: dnf then fails with that code,
# yum with 1 and these words.
try_yum() {
    left=$1 program=$2
    shift 2
    while :; do
        { said=$(command "$program" --setopt=exit_on_lock=1 "$@" 2>&1 >&3 3>&-); } 3>&1
        code=$?
        case $said in *'configured by exit_on_lock'*) code=200 ;; esac
        [ $code -eq 200 ] && [ "$left" -gt 0 ] || break
        left=$((left - 1))
        sleep 1
    done
    [ -z "$said" ] || echo "$said" >&2
    return "$code"
}

# ask_yum ARGUMENTS: a question to yum.
ask_yum() { try_yum 5 yum -q "$@"; }
