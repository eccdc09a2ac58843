# The fact `unit_log`: the last lines that each service has logged. Keys: the names of the services.
for key; do
    echo "= $key"
    if [ -d /run/systemd/system ]; then
        journalctl -q --no-pager -o short -n 30 -u "$key"
    else
        case $key in
        mysqld) tail -n 30 /var/log/mysqld.log ;;
        *) grep -ah "$key" /var/log/maillog /var/log/messages | tail -n 30 ;;
        esac
    fi 2>/dev/null | cut -c 1-1000 | sed 's/^/|/'
done
