# The fact `installable` on yum and dnf: what keeps the packages in the arguments away. Needs
# ask_yum.sh.
for file in /etc/yum/pluginconf.d/versionlock.list /etc/dnf/plugins/versionlock.list; do
    [ ! -r "$file" ] || awk -v file="$file" '
        !/^[ \t]*(#|$)/ { sub(/^[ \t]+/, ""); print "lock", file ":" NR, $0 }' "$file"
done
for file in /etc/yum.conf /etc/dnf/dnf.conf /etc/yum.repos.d/*.repo; do
    [ ! -r "$file" ] || awk -v file="$file" '
        /^(exclude|excludepkgs)[ \t]*=/ { sub(/^[^=]*=[ \t]*/, ""); print "exclude", file ":" NR, $0 }
        /^\[/ { print "repository", file ":" NR, $0 }' "$file"
done
if [ -r /var/run/yum.pid ] && read -r pid </var/run/yum.pid && [ -d "/proc/$pid" ]; then
    echo "locked $pid /var/run/yum.pid $(cat "/proc/$pid/comm")"
    return 0
fi
{ ask_yum list available -- "$@" 2>&1 >&3 |
    sed -n -e 's/^the repository \([^ ]*\) does not answer, and is left out/down \1/p' \
        -e 's/^Error: \(.*repo.*\)/failed \1/p'; } 3>&1 | awk '
    /^(down|failed) / { print; next }
    NF == 1 { held = $1; next }
    NF == 2 && held == "" { next }
    { $0 = held " " $0; held = ""; sub(/[.][^.]*$/, "", $1); print "offered", $1, $2 }'
