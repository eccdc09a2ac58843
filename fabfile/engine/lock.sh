# Hold the host's lock as long as the control machine sends a heartbeat at least every $silence
# seconds. Uses nonce, wait (seconds to wait for another run) and holder (who takes the lock).
say() { printf '@%s %s\n' "$nonce" "$*"; }
# shellcheck disable=SC2015  # every failure has the same cause and message
mkdir -p "$state_dir" && chmod 700 "$state_dir" && exec 9>>"$state_dir/run.lock" || {
    say unwritable
    return
}
# The lock process of a run that has just ended may need a moment to exit.
if ! flock -w 2 9; then
    say held "$(cat "$state_dir/run.holder")"
    flock -w "$wait" 9 || return
fi
printf '%s since %s\n' "$holder" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$state_dir/run.holder"
say got
while heard=$(timeout "$silence" dd bs=1 count=1 2>/dev/null) && [ -n "$heard" ]; do
    # The run is cancelled: tell a running apply script to end before its next step.
    if [ "$heard" = s ] && [ -d "$state_dir/work" ]; then : >"$state_dir/work/stop"; fi
done
