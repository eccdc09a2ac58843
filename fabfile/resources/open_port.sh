# The fix of OpenPort: insert accept rules in front of those that reject $ports. Each rule is first
# saved for the next boot, and then added to the rules in force. A reload would lose the rules that
# other programs have added. Needs firewall.sh and files.sh.

# closed: select the rejecting rules, last one first: an insertion moves no index still to come.
closed() { awk '$2 == "closed"' | sort -u | sort -k3,3nr; }

# refuse_unsaved PROGRAM CLOSED: fail, because the next boot would undo the change.
refuse_unsaved() {
    closed_ports=$(printf '%s\n' "$2" | cut -d ' ' -f 1 | sort -nu)
    # shellcheck disable=SC2086  # on one line
    echo "no enabled service saves the rules of $1, which reject ports" $closed_ports >&2
    return 1
}

# open_iptables [6]: open the ports, first for the next boot, then now.
open_iptables() {
    # shellcheck disable=SC2086  # no argument where it is empty
    file=$(iptables_file $1)
    if [ -n "$file" ]; then
        entry=$(verdicts "${1:-4}" <"$file" | closed |
            awk '{ print $4 " -A " $5 " -p tcp -m tcp --dport " $1 \
                " -m comment --comment mailfab -j ACCEPT" }')
        if [ -n "$entry" ]; then
            keep "$file"
            rewrite "$file" '
                BEGIN { n = split(ENVIRON["entry"], entry, "\n") }
                { for (i = 1; i <= n; i++) if (entry[i] + 0 == NR) print rule(entry[i]); print }
                function rule(text) { sub(/^[0-9]+ /, "", text); return text }'
        fi
    fi
    have "ip${1}tables-save" || return 0
    lines=$("ip${1}tables-save" | verdicts "${1:-4}" | closed)
    [ -n "$lines" ] || return 0
    [ -n "$file" ] || refuse_unsaved "ip${1}tables" "$lines"
    printf '%s\n' "$lines" | awk 'BEGIN { print "*filter" }
        { print "-I " $5 " " $3 " -p tcp -m tcp --dport " $1 \
            " -m comment --comment mailfab -j ACCEPT" }
        END { print "COMMIT" }' | "ip${1}tables-restore" --noflush
}

# nft_both [OWN]: print the rules to open for both address families.
nft_both() {
    rules=$(cat)
    {
        printf '%s\n' "$rules" | verdicts 4 "${1-}"
        printf '%s\n' "$rules" | verdicts 6 "${1-}"
    } | closed
}

open_nft() {
    have nft || return 0
    file=$(nft_file)
    if [ -n "$file" ]; then
        entry=$(nft_saved "$file" | nft_both |
            awk '{ at = $4 == "end" ? "add rule " $5 " " $6 " " $7 : \
                    "insert rule " $5 " " $6 " " $7 " index " $3 - 1
                print at " tcp dport " $1 " accept comment \"mailfab\"" }' |
            while IFS= read -r line; do grep -qxF "$line" "$file" || printf '%s\n' "$line"; done)
        if [ -n "$entry" ]; then
            keep "$file"
            rewrite "$file" '{ print } END { print ENVIRON["entry"] }'
        fi
    fi
    lines=$(nft_rules | nft_both "$(own)")
    [ -n "$lines" ] || return 0
    [ -n "$file" ] || refuse_unsaved nftables "$lines"
    printf '%s\n' "$lines" | awk '{
            at = $4 == "end" ? "add rule " $5 " " $6 " " $7 : \
                "insert rule " $5 " " $6 " " $7 " handle " $4
            print at " tcp dport " $1 " accept comment \"mailfab\"" }' >"$work/rules.nft"
    nft -f "$work/rules.nft"
    rm -f "$work/rules.nft"
}

# No --reload: it would drop the rules that other programs have added.
open_firewalld() {
    zone=$(firewalld_zone)
    keep "/etc/firewalld/zones/$zone.xml"
    set --
    for port in $ports; do set -- "$@" "--add-port=$port/tcp"; done
    firewall-cmd --quiet --permanent "--zone=$zone" "$@"
    firewall-cmd --quiet "--zone=$zone" "$@"
}

open_ufw() {
    keep /etc/ufw/user.rules
    keep /etc/ufw/user6.rules
    for port in $ports; do ufw allow "$port/tcp" comment mailfab; done
}

open_ports() {
    outside=$(outside)
    if firewalld_runs; then
        open_firewalld
        return
    fi
    if ufw_runs; then
        open_ufw
        return
    fi
    open_iptables ''
    open_iptables 6
    open_nft
}
