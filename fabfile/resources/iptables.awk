# Read rules as iptables-save prints them, or as an administrator writes them for iptables-restore.

BEGIN { plain = "^(tcp|udp|state|conntrack|comment|multiport|addrtype)$" }

/^\*/ { saved = 1; filter = $1 == "*filter"; if (filter && !bases) begin("INPUT"); next }
saved && filter && /^:/ {
    chain(substr($1, 2))
    policy[substr($1, 2)] = $2 == "DROP" ? "drop" : "accept"
    next
}
saved && filter && /^COMMIT/ { last = NR; filter = 0; next }
saved && filter { sub(/^\[[0-9:]*\] */, "") }
saved && filter && ($1 == "-A" || $1 == "--append") { iptables(); add($2, NR) }
saved { next }

function iptables(   i, option, value) {
    gsub(/"([^"\\]|\\.)*"/, "-")
    fresh()
    negated = 0
    for (i = 3; i <= NF; i++) {
        if ($i == "!") { negated = 1; continue }
        option = $i
        if ($(i + 1) == "!") { negated = 1; i++ }
        value = $(i + 1)
        if (option == "--syn") { must(1); continue }
        i++
        if (option ~ /^(--comment|--reject-with)$/) continue
        # The name of any other extension may be a condition by itself.
        if (option ~ /^(-m|--match)$/ && value ~ plain) continue
        if (option ~ /^(-j|--jump|-g|--goto)$/) { decide(value, option); continue }
        if (option ~ /^(-p|--proto(col)?)$/) must(value ~ /^(tcp|6|all|0)$/)
        else if (option ~ /^(-i|--in-interface)$/) must(known_interface(value))
        else if (option ~ /^--(dports?|destination-ports?|ports)$/) must_be_port(value)
        else if (option ~ /^--(state|ctstate)$/) must(("," value ",") ~ /,NEW,/)
        else if (option == "--dst-type") must(value == "LOCAL")
        else if (option == "--tcp-flags") {
            must($(i + 1) == (value ~ /SYN|ALL/ ? "SYN" : "NONE"))
            i++
        }
        else if (option ~ /^--(sports?|source-ports?)$/ && value ~ /^(0|1|1024)?:(65535)?$/) must(1)
        else if (option ~ /^(-s|--source|-d|--destination)$/ && value ~ /\/0$/) must(1)
        else { all = 0; negated = 0 }
    }
}

function decide(word, option) {
    if (word == "ACCEPT") act = "accept"
    else if (word ~ /^(DROP|REJECT|TARPIT)$/) act = "drop"
    else if (word == "RETURN") act = "return"
    else if (word ~ /^(LOG|NFLOG|ULOG)$/) { act = "log"; negated = 0 }
    else { goal = word; act = option ~ /^(-g|--goto)$/ ? "goto" : "jump" }
}
