# The fact `hostname`: for each file that holds a system's name, the name in force and that of the
# next boot. /etc/sysconfig/network is the file of CentOS 6.
read -r running </proc/sys/kernel/hostname
for file; do
    case $file in
    */network) name=$(sed -n 's/^HOSTNAME="*\([^"]*\)"*$/\1/p' "$file" | tail -n 1) ;;
    *) name=$(sed -n '/^[^#]/{p;q;}' "$file") ;;
    esac
    printf '%s %s %s\n' "${running:--}" "${name:--}" "$file"
done
