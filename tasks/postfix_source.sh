# The fact `postfix_source`: one word that tells which repository has the Postfix to install. $plus is
# CentOS Plus, $base_repo the file of [base]. `unknown`: the repositories do not answer; `locked`:
# another yum runs. They take seconds, and are asked only while no Postfix with MySQL is installed.
ask() { ask_yum --disableexcludes=all --setopt=retries=1 --setopt=timeout=20 "$@"; }
[ -f "$base_repo" ] && [ ! -d /run/systemd/system ] || return 0
if release=$(rpm -q --qf '%{RELEASE}' postfix) && postconf -m | grep -qx mysql; then
    case $release in *plus*) echo plus ;; *) echo base ;; esac
elif
    found=$(ask deplist postfix)
    [ $? -eq 200 ]
then
    echo locked
elif [ -z "$found" ]; then
    echo unknown
else
    case $found in
    *libmysqlclient*) echo base ;;
    *) if ask --disablerepo='*' --enablerepo="$plus" list --showduplicates available postfix |
        grep -q '^postfix[.]'; then echo plus; else echo none; fi ;;
    esac
fi
