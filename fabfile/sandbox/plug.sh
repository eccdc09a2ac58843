# Connect a server to the lan; an earlier connection is replaced.
# LAN, INSIDE: the network namespaces of the lan and of the server. PORT: the server's end in the
# lan. BRIDGE, GATEWAY: the lan's bridge and its address. MAC, ADDRESS: those of the server's eth0.
# DELAY_MS: the delay of one direction in milliseconds, or empty: a veth pair, without delay.
# PYTHON, PROGRAM, MARK: how latency.py is run, and the variable that marks its process.
set -e
ip -n "$LAN" link del "$PORT" 2>/dev/null || :
ip -n "$INSIDE" link del eth0 2>/dev/null || :
if [ "$DELAY_MS" ]; then
    env "$MARK" setsid "$PYTHON" -I "$PROGRAM" "$LAN" "$PORT" "$INSIDE" eth0 "$DELAY_MS" &
    tries=0
    until ip -n "$INSIDE" link show eth0 && ip -n "$LAN" link show "$PORT"; do
        tries=$((tries + 1))
        [ $tries -lt 250 ] || exit 1
        sleep 0.02
    done >/dev/null 2>&1
else
    ip -n "$LAN" link add "$PORT" type veth peer name eth0 netns "$INSIDE"
fi
ip -n "$LAN" link set "$PORT" master "$BRIDGE" up
ip -n "$INSIDE" -batch - <<END
link set lo up
link set eth0 address $MAC up
addr add $ADDRESS/24 dev eth0
route add default via $GATEWAY
END
