# The fact `log`: the mail system's log since the moment that the keys tell (see log_start.sh), only
# lines that may tell of a fault. Facility 2 is mail (syslog(3)).
sleep 0.3
for key; do
    rest=${key#* }
    case $key in
    since*) journalctl -q --no-pager -o short --since "@$rest" SYSLOG_FACILITY=2 ;;
    from*) tail -c "+$((${rest%% *} + 1))" "${rest#* }" ;;
    esac
done 2>/dev/null |
    grep -ai -e warning -e error -e fatal -e panic -e status= -e 'not enough' -e 'exit status' |
    tail -n 400 | cut -c 1-1000
