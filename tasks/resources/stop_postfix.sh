# Stops Postfix, also without main.cf: Postfix's own program cannot do that.
if ! service_do stop postfix; then
    master=$(tr -d ' ' </var/spool/postfix/pid/master.pid) || :
    ! grep -qx master "/proc/$master/comm" || kill "$master"
fi
