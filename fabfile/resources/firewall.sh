# Find the active firewall, and its verdict on outside clients at $ports. Both the fact and the fix
# of OpenPort run this, with packet_filter (packet_filter.awk).

have() { command -v "$1" >/dev/null; }

# enabled SERVICE: true if systemd or SysV init starts it at boot.
enabled() {
    for link in /etc/systemd/system/*.wants/"$1.service" /etc/rc[2-5].d/S[0-9][0-9]"$1"; do
        [ ! -L "$link" ] || return 0
    done
    return 1
}

firewalld_runs() { have firewall-cmd && systemctl -q is-active firewalld; }

ufw_runs() { have ufw && grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; }

# outside: print the interfaces with a default route; if there is none, all of them. Uses builtins
# only where possible, since every survey runs it.
outside() {
    found=
    while read -r name to _ _ _ _ _ mask _; do
        if [ "$to$mask" = 0000000000000000 ]; then found="$found $name"; fi
    done </proc/net/route
    [ ! -r /proc/net/ipv6_route ] || while read -r _ length _ _ _ _ _ _ _ name; do
        case $length$name in 00lo) ;; 00*) found="$found $name" ;; esac
    done </proc/net/ipv6_route
    [ -n "$found" ] || found=$(sed -n 's/^ *\([^ ]*\):.*/\1/p' /proc/net/dev | grep -vx lo)
    # shellcheck disable=SC2086  # without the space in front
    echo $found
}

# verdicts FAMILY [OWN]: print the verdict of the rules on standard input on each port.
verdicts() { packet_filter -v ports="$ports" -v outside="$outside" -v family="$1" -v own="${2-}"; }

# verdicts_in PLACE FAMILY [OWN]: the same under a heading.
verdicts_in() {
    echo "= $1"
    shift
    verdicts "$@"
}

nft_rules() { nft -a -t list ruleset || nft -a list ruleset; }

# nft_saved FILE: print the rules that a file of nft creates. The file is loaded in a temporary
# network namespace. If that is not allowed, print the rules in force instead.
nft_saved() {
    unshare -n sh -c 'nft -f "$1" && { nft -a -t list ruleset || nft -a list ruleset; }' - "$1" ||
        nft_rules
}

# ufw_saved [6]: print the rules that ufw creates at boot, in ufw's order.
ufw_saved() {
    echo '*filter'
    grep -q '^DEFAULT_INPUT_POLICY="ACCEPT"' /etc/default/ufw && echo ':INPUT ACCEPT' ||
        echo ':INPUT DROP'
    for part in before user after; do echo "-A INPUT -j ufw$1-$part-input"; done
    cat "/etc/ufw/before$1.rules" "/etc/ufw/user$1.rules" "/etc/ufw/after$1.rules"
}

# firewalld_zone: print the zone of connections from outside: from the rules in force, from the
# zones' files, or else the default zone.
firewalld_zone() {
    {
        nft_rules
        iptables-save
    } | awk -v outside=" $outside " '
        /^\tchain / { inside = $2 ~ /^filter_INPUT_(ZONES|POLICIES)$/ }
        !(inside || /^-A INPUT_(ZONES|POLICIES) /) || / saddr | -s |IN_policy_/ { next }
        match($0, /IN_[^ ]+/) {
            zone = substr($0, RSTART + 3, RLENGTH - 3)
            if (match($0, /(iifname|-i) [^ ]+/)) {
                name = substr($0, RSTART, RLENGTH)
                gsub(/^[^ ]+ |"/, "", name)
                if (!index(outside, " " name " ")) next
            }
            print zone
            found = 1
            exit
        }
        END { exit !found }' && return
    for name in $outside; do
        zone=$(grep -ls "<interface name=\"$name\"" /etc/firewalld/zones/*.xml) || continue
        basename "${zone%%.xml*}"
        return
    done
    sed -n 's/^DefaultZone=//p' /etc/firewalld/firewalld.conf
}

# elements KIND NAME: print the elements of a zone or service of firewalld, one a line.
elements() {
    for file in "/etc/firewalld/$1/$2.xml" "/usr/lib/firewalld/$1/$2.xml"; do
        if [ -f "$file" ]; then
            tr '<' '\n' <"$file"
            return
        fi
    done
}

# firewalld_saved ZONE: print the verdict of the zone's file on each port.
firewalld_saved() {
    {
        elements zones "$1"
        for service in $(elements zones "$1" | sed -n 's/^service .*name="\([^"]*\)".*/\1/p'); do
            elements services "$service"
        done
    } | awk -v ports="$ports" '
        /^rule[ >]/ { rule = 1 }
        /^\/rule/ { rule = 0 }
        rule { next }
        /^zone .*target="ACCEPT"/ { n++; low[n] = 0; high[n] = 65535 }
        /^port .*protocol="tcp"/ && match($0, / port="[0-9-]+"/) {
            split(substr($0, RSTART + 7, RLENGTH - 8), ends, "-")
            n++; low[n] = ends[1]; high[n] = ends[2] == "" ? ends[1] : ends[2]
        }
        END {
            count = split(ports, port, " ")
            for (i = 1; i <= count; i++) {
                open = "closed"
                for (j = 1; j <= n; j++)
                    if (port[i] + 0 >= low[j] + 0 && port[i] + 0 <= high[j] + 0) open = "open"
                print port[i], open
            }
        }'
}

# iptables_file [6]: print the file with the rules for the next boot, if a service loads it.
iptables_file() {
    if enabled "ip${1-}tables" && [ -f "/etc/sysconfig/ip${1-}tables" ]; then
        echo "/etc/sysconfig/ip${1-}tables"
    elif enabled netfilter-persistent && [ -f "/etc/iptables/rules.v${1:-4}" ]; then
        echo "/etc/iptables/rules.v${1:-4}"
    fi
}

nft_file() {
    enabled nftables || return 0
    for file in /etc/sysconfig/nftables.conf /etc/nftables.conf; do
        if [ -f "$file" ]; then
            echo "$file"
            return
        fi
    done
}

# live V4 V6 NFT: print the verdicts of the rules in force, under these names.
live() {
    if have iptables-save; then iptables-save | verdicts_in "$1" 4; fi
    if have ip6tables-save; then ip6tables-save | verdicts_in "$2" 6; fi
    if have nft; then
        rules=$(nft_rules)
        printf '%s\n' "$rules" | verdicts_in "$3" 4 "$(own)"
        printf '%s\n' "$rules" | verdicts_in "$3" 6 "$(own)"
    fi
}

own() { if have iptables-save; then echo 1; fi; }

# places: print every place that can close a port, with its verdict on each port.
places() {
    # Every supported firewall uses one of these programs.
    have nft || have iptables-save || have ip6tables-save || return 0
    outside=$(outside)
    if firewalld_runs; then
        live firewalld firewalld firewalld
        zone=$(firewalld_zone)
        echo "= /etc/firewalld/zones/$zone.xml"
        firewalld_saved "$zone"
        return
    fi
    if ufw_runs; then
        live ufw ufw nftables
        ufw_saved '' | verdicts_in /etc/ufw/user.rules 4
        if grep -q '^IPV6=yes' /etc/default/ufw; then
            ufw_saved 6 | verdicts_in /etc/ufw/user6.rules 6
        fi
        return
    fi
    live iptables ip6tables nftables
    for version in '' 6; do
        file=$(iptables_file $version)
        # shellcheck disable=SC2094  # `verdicts_in` only prints the name
        [ -z "$file" ] || verdicts_in "$file" "${version:-4}" <"$file"
    done
    file=$(nft_file)
    if [ -n "$file" ]; then
        rules=$(nft_saved "$file")
        for version in 4 6; do printf '%s\n' "$rules" | verdicts_in "$file" $version; done
    fi
}
