# The fact `lookup_type`: whether the Postfix that is installed reads each kind of table.
# Asked of every system, and of no use to those whose package is the only one.
command -v yum >/dev/null || command -v dnf >/dev/null || return 0
types=$(postconf -m) || return 0
for key; do
    printf '%s\n' "$types" | grep -qx -e "$key" && echo "$key yes" || echo "$key no"
done
