# The fact `installable` on apt: whether the packages in the arguments can be had, and what is wrong
# with the sources. It updates apt's lists, as the nightly timer does, and installs nothing. Needs
# apt_sources.sh. Passwords in addresses are removed.
public() { sed 's,//[^/@ ]*@,//,g'; }
readable_sources
printf %s "$unreadable" | public | sed 's/^/skipped /'
trap 'rm -rf ${copies:+"$copies"}' EXIT
# shellcheck disable=SC2086  # words
get() { apt-get -q -y $sources -o Debug::NoLocking=1 "$@" 2>&1; }
apt-config dump 2>&1 >/dev/null | sed -n 's/^E: /config /p'
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -r "$file" ] || sed 's/\[[^]]*\]//' "$file" | awk -v file="$file" '
        $1 ~ /^deb(-src)?$/ { print "source", file ":" NR, $2, $3 }'
done | public
for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -r "$file" ] || awk -v file="$file" '
        /^#/ { next }
        /^[^ \t:]+:/ { field = tolower($1) }
        /^[ \t]*$/ { field = "" }
        field == "uris:" { for (n = 1; n <= NF; n++) if ($n ~ /.:.*\//) print "source", file ":" NR, $n }
        ' "$file"
done | public
grep -inE '^[^/#]*acquire::[a-z]+::proxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/* |
    public | sed 's/^\([^:]*:[0-9]*\):/proxy \1 /'
[ -z "${http_proxy-}" ] || echo "proxy http_proxy $http_proxy" | public
dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' | awk -F '|' '
    substr($1, 1, 1) == "h" { print "hold", $2 }
    substr($1, 2, 1) ~ /[UFHWt]/ || substr($1, 3, 1) == "R" { print "dpkg", substr($1, 1, 2) (substr($1, 3, 1) == "R" ? "R" : ""), $2 }'
for file in /etc/apt/preferences /etc/apt/preferences.d/*; do
    [ ! -r "$file" ] || awk -v file="$file" '
        $1 == "Package:" { $1 = ""; names = $0; line = NR }
        $1 == "Pin-Priority:" && $2 < 0 { print "pin", file ":" line, $2 names }' "$file"
done
# fcntl locks, which flock(1) does not see. The third word of stat is the inode.
for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    inode=$(stat -c %i "$file") && awk -v inode="$inode" -v file="$file" '
        $2 == "POSIX" && $6 ~ (":" inode "$") { print $5, file }' /proc/locks
done | while read -r pid file; do
    echo "locked $pid $file $(cat "/proc/$pid/comm")"
done
if [ -x /usr/sbin/policy-rc.d ]; then
    /usr/sbin/policy-rc.d postfix start >/dev/null 2>&1
    start=$?
    /usr/sbin/policy-rc.d exim4 stop >/dev/null 2>&1
    echo "policy $start $?"
fi
# shellcheck disable=SC2086  # words
timeout 300 apt-get -q update $sources -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 \
    -o Acquire::Retries=0 2>&1 | public | awk '
    /^(Get|Hit):/ { print "reached", $2, $3 }
    /^[EW]: / { print "update", $0 }'
get --no-install-recommends -s install -- "$@" | awk '
    /^The following held packages will be changed:/ { held = 1; next }
    held && /^ / { for (n = 1; n <= NF; n++) print "held", $n; next }
    { held = 0 }
    /^Remv / { print "remove", $2 }
    /^E: / || / (Depends|Conflicts|Breaks): / { print "install", $0 }' | while read -r kind name rest; do
    [ "$kind" != remove ] || rest=$(dpkg-query -W -f '${source:Package} ${Provides}' -- "$name")
    echo "$kind $name $rest"
done
get --no-install-recommends --allow-change-held-packages --print-uris install -- "$@" | public |
    awk '/^\047/ { print "fetch", substr($1, 2, length($1) - 2); bytes += $3 }
    END { print "download", int(bytes / 1024) }'
df -kP /var/cache/apt/archives | awk 'NR > 1 { print "archives", $4, $6 }'
