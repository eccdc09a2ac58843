# apt ARGUMENTS: run apt-get without questions. First finish a transaction that crashed, and wait
# $wait seconds for the lock, which the nightly upgrade may hold: dpkg, unlike apt, does not wait.
# If dpkg cannot finish, go on: it may need the very package that is to be installed. The file
# $unfinished exists until everything has succeeded.
: >"$unfinished"
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
apt() { apt-get -y -q -o DPkg::Lock::Timeout="$wait" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold "$@"; }
waited=0
until left=$(dpkg --configure -a 2>&1); do
    printf '%s\n' "$left"
    case $left in *"locked by another process"*) ;; *) break ;; esac
    [ $waited -lt "$wait" ] || exit 1
    waited=$((waited + 1))
    sleep 1
done
apt update
