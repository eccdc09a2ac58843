# apt ARGUMENTS: run apt-get without questions. First finish a transaction that crashed, and wait
# $wait seconds for the lock, which the nightly upgrade may hold: dpkg, and apt for its lists, do not
# wait. If dpkg cannot finish, go on: it may need the very package that is to be installed. A package
# source that fails does not stop the others: whether the packages can be had, the installation
# tells. The file $unfinished exists until everything has succeeded. Needs apt_sources.sh.
: >"$unfinished"
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
readable_sources
trap 'rm -rf ${copies:+"$copies"}' EXIT
# shellcheck disable=SC2086  # words
apt() { apt-get -y -q $sources -o DPkg::Lock::Timeout="$wait" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold "$@"; }
# holder: name the program that the message $left says has the lock.
holder() {
    pid=$(printf '%s\n' "$left" | sed -n 's/.*process \(with pid \)*\([0-9][0-9]*\).*/\2/p' | head -n 1)
    printf 'the lock is held by process %s (%s) after %s seconds\n' "${pid:-unknown}" \
        "$(tr '\0' ' ' 2>/dev/null <"/proc/${pid:-none}/cmdline")" "$waited"
}
waited=0
until left=$(dpkg --configure -a 2>&1); do
    printf '%s\n' "$left"
    case $left in *"locked by another process"*) ;; *) break ;; esac
    if [ $waited -ge "$wait" ]; then
        holder
        exit 1
    fi
    waited=$((waited + 1))
    sleep 1
done
until left=$(apt update 2>&1); do
    case $left in *"Could not get lock"*) ;; *) break ;; esac
    if [ $waited -ge "$wait" ]; then
        holder
        exit 1
    fi
    waited=$((waited + 1))
    sleep 1
done
broken_sources=$unreadable$(printf '%s\n' "$left" | grep '^[EW]: ') || :
printf '%s\n' "$broken_sources"
# checked_apt ARGUMENTS: apt; if it fails, the reasons why sources failed come last.
checked_apt() {
    apt "$@" || {
        code=$?
        printf '%s\n' "$broken_sources"
        exit $code
    }
}
