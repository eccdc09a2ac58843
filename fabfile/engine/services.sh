# Services: systemd, or the SysV init of CentOS 6. Part of every apply script. Uses work.

systemd() { [ -d /run/systemd/system ]; }

service_do() { # VERB SERVICE [PROCESS-UNIT]
    # A stopped service needs no reload: it reads the new configuration when it is started.
    if [ "$1" = reload ] && ! service_runs "${3:-$2}"; then return 0; fi
    if systemd; then
        # systemd allows five starts in ten seconds (StartLimitBurst); reset its counter.
        # shellcheck disable=SC2086  # no empty argument for a missing one
        systemctl reset-failed "$2" ${3-} 2>/dev/null || :
        case $1 in reload) set -- reload-or-restart "$2" "${3-}" ;; esac
        # An umbrella unit (postfix) is active at once. Start the unit below it to wait for it.
        if systemctl "$1" "$2"; then
            if [ "$1" = stop ] || [ -z "${3-}" ] || systemctl start "$3"; then return 0; fi
        fi
        # shellcheck disable=SC2086
        systemctl --no-pager --full --lines=15 status "$2" ${3-} || :
        return 1
    fi
    # Not our stdout: a daemon that inherits it keeps the connection open.
    if service "$2" "$1" >"$work/service.out" 2>&1 </dev/null; then
        # Some report success before the daemon has read its configuration, and die of it: Postfix
        # 2.6 does not wait for its master.
        [ "$1" != stop ] || return 0
        sleep 1
        if service_runs "$2"; then return 0; fi
        echo "$2 ended within a second after its $1"
    fi
    cat "$work/service.out"
    tail -n 8 /var/log/messages /var/log/maillog /var/log/mysqld.log 2>/dev/null
    return 1
}

service_enable() {
    if systemd; then
        systemctl --quiet enable "$1"
        return
    fi
    # The package's script may have crashed before it had added links to all runlevels.
    chkconfig --add "$1" && chkconfig "$1" on
}

service_disable() {
    if systemd; then systemctl --quiet disable "$1"; else chkconfig "$1" off; fi
}

service_runs() {
    if systemd; then systemctl --quiet is-active "$1"; else service "$1" status >/dev/null 2>&1 </dev/null; fi
}
