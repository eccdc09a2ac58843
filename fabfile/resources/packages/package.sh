# The fact `package`. Each key is "DATABASE NAME": `apt postfix`, `rpm postfix`. Keys of the other
# database are ignored. With `offer` in front, print the version that could be installed, unless the
# package is. A plan for a bare server must know which Dovecot it will get; on a deployed server
# the package manager is not asked. yum breaks long lines in two. Needs ask_yum.sh.
if command -v dpkg-query >/dev/null; then kind=apt; else kind=rpm; fi
offers=
for key; do
    shift
    case $key in
    "$kind "*) set -- "$@" "${key#* }" ;;
    "offer $kind "*) offers="$offers ${key##* }" ;;
    esac
done
[ $# -gt 0 ] || return 0
if [ $kind = apt ]; then
    found=$(dpkg-query -W -f 'apt ${Package} ${db:Status-Status} ${Version}\n' -- "$@")
else
    format='rpm %{NAME} installed %{EPOCH}:%{VERSION}-%{RELEASE}\n'
    found=$(rpm -q --qf "$format" -- "$@" | sed -n 's/(none)://; /^rpm /p')
fi
if [ -e "$unfinished" ]; then
    printf '%s\n' "$found" | sed 's/ installed / unfinished /'
else
    printf '%s\n' "$found"
fi
set --
for p in $offers; do
    case $found in *"$kind $p installed "*) ;; *) set -- "$@" "$p" ;; esac
done
[ $# -gt 0 ] || return 0
if [ $kind = apt ]; then
    apt-cache policy -- "$@" | awk '
        /^[^ ].*:$/ { name = substr($1, 1, length($1) - 1) }
        $1 == "Candidate:" && $2 != "(none)" { print "apt", name, "offered", $2 }'
else
    ask_yum list available -- "$@" | awk '
        NF == 1 { held = $1; next }
        NF == 2 && held == "" { next }
        { $0 = held " " $0; held = ""; sub(/[.][^.]*$/, "", $1); print "rpm", $1, "offered", $2 }'
fi
