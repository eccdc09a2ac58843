# The fact `host` of preflight. Nothing of this writes. `test -w` is false for root, too, where a file
# system is read-only.
echo "clock now $(date +%s)"
read -r name </proc/sys/kernel/hostname && echo "hostname is $name"
for tool in $tools; do command -v "$tool" >/dev/null || echo "missing $tool"; done
for folder in $folders; do [ -w "$folder" ] || echo "readonly $folder"; done
# shellcheck disable=SC2086  # words
df -kP $folders | awk 'NR > 1 { print "space", $6, $4 }'
# shellcheck disable=SC2086  # words
df -iP $folders | awk 'NR > 1 && $2 > 0 { print "inodes", $6, $4 }'
awk '/^(MemTotal|SwapTotal):/ { n += $2 } END { print "memory total", n }' /proc/meminfo
echo "user 5000 $(getent passwd 5000 | cut -d: -f1)"
echo "group 5000 $(getent group 5000 | cut -d: -f1)"
# A unit is masked by a link to /dev/null or an empty file (systemctl(1)); until the next boot in /run.
for file in /etc/systemd/system/*.service /run/systemd/system/*.service; do
    if [ -c "$file" ] || { [ -f "$file" ] && [ ! -s "$file" ]; }; then echo "masked $file"; fi
done
if uid=$(id -u vmail); then
    stat -c '%u %n' /proc/[0-9]* | while read -r owner process; do
        [ "$owner" != "$uid" ] || echo "process ${process#/proc/} $(cat "$process/comm")"
    done
fi
ss -ltnp | awk 'NR > 1 {
    port = $4; sub(/.*:/, "", port); address = $4; sub(/:[^:]*$/, "", address)
    names = ""; rest = $0
    while (match(rest, /[(]"[^"]*"/)) {
        names = names " " substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
    }
    if (names != "") print "port", port "/" address names
}'
