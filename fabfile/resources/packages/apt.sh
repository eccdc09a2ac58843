# apt ARGUMENTS: apt-get, without questions. The package database may be half-way through something
# that died, or locked by the nightly upgrade: this finishes the one and waits $wait seconds for the
# other. dpkg, unlike apt, does not wait. What it cannot finish may be for want of the very package
# that is to be installed. The file $unfinished is there until all has ended well.
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
