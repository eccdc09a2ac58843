# The fact `service`. Each key is "SERVICE PROCESS-UNIT". Links enable a unit (a masked one links to
# /dev/null). `systemctl show` reports this too, but costs as much CPU time as ten other facts.
if [ -d /run/systemd/system ]; then
    units=
    for key; do units="$units ${key% *}.service ${key#* }.service"; done
    # shellcheck disable=SC2086  # words
    found=" $(systemctl list-units --all --full --no-legend --plain -- $units |
        while read -r unit _ active _; do printf '%s=%s ' "$unit" "$active"; done)"
    for key; do
        service=${key% *}.service process=${key#* }.service
        for file in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
            file=$file/$service
            if [ -e "$file" ]; then break; fi
        done
        [ -e "$file" ] || continue
        case $found in
        *" $process=active "* | *" $process=reloading "*) running=yes ;;
        *) running=no ;;
        esac
        enabled=no
        for link in /etc/systemd/system/*.wants /etc/systemd/system/*.requires; do
            if [ -L "$link/$service" ] && [ ! -c "$file" ]; then enabled=yes; fi
        done
        echo "$running $enabled $key"
    done
else
    for key; do
        service=${key% *}
        [ -x "/etc/init.d/$service" ] || continue
        service "$service" status >/dev/null 2>&1 </dev/null && running=yes || running=no
        chkconfig "$service" >/dev/null 2>&1 && enabled=yes || enabled=no
        echo "$running $enabled $key"
    done
fi
