# The fact `system`. Only shell built-ins, for speed: it starts no process but `id` and, on a system
# without os-release (CentOS 6), `cat`.
echo "uid=$(id -u)"
if [ -r /etc/os-release ]; then
    # Read, not sourced: root would run a command that stands there. Quotes are removed here.
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        ID=*) echo "id=${line#ID=}" ;;
        ID_LIKE=*) echo "like=${line#ID_LIKE=}" ;;
        VERSION_ID=*) echo "release=${line#VERSION_ID=}" ;;
        PRETTY_NAME=*) echo "name=${line#PRETTY_NAME=}" ;;
        esac
    done </etc/os-release
else
    # Oracle's has Red Hat's name in redhat-release.
    for file in /etc/oracle-release /etc/redhat-release; do
        if [ -r $file ]; then
            echo "name=$(cat $file)"
            break
        fi
    done
fi
if [ -d /run/systemd/system ]; then echo init=systemd; else echo init=sysv; fi
for manager in apt-get dnf yum; do
    if command -v $manager >/dev/null; then
        echo "manager=${manager%-get}"
        break
    fi
done
for file in /sys/fs/selinux/enforce /selinux/enforce; do
    if [ -r $file ]; then
        read -r enforcing <$file
        echo "selinux=$enforcing"
        break
    fi
done
