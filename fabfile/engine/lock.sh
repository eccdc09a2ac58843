# Holds the lock of the host as long as the control machine sends something, at least each $silence
# seconds. Sets: nonce, wait (seconds to wait for another run), holder (who takes the lock).
say() { printf '@%s %s\n' "$nonce" "$*"; }
# shellcheck disable=SC2015  # each failure means the same
mkdir -p "$state_dir" && chmod 700 "$state_dir" && exec 9>>"$state_dir/run.lock" || {
    say unwritable
    return
}
# The holder of a run that has just ended may need a moment to go.
if ! flock -w 2 9; then
    say held "$(cat "$state_dir/run.holder")"
    flock -w "$wait" 9 || return
fi
printf '%s since %s\n' "$holder" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$state_dir/run.holder"
say got
while heard=$(timeout "$silence" dd bs=1 count=1 2>/dev/null) && [ -n "$heard" ]; do
    # For the apply that may be at work: it ends before its next step.
    if [ "$heard" = s ] && [ -d "$state_dir/work" ]; then : >"$state_dir/work/stop"; fi
done
