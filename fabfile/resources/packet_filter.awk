# What a stranger's new TCP connection from outside meets, in rules as iptables-save prints them or
# as `nft -a list ruleset` does (or a file in the first form that a person has written).
#
# Set with -v: ports ("25 587"), outside (the interfaces that lead there), family (4 or 6), own=1 to
# leave out the tables of nft that belong to iptables. Prints one line for each port, "PORT open", or
# for each chain where it ends, "PORT closed INDEX WHERE CHAIN": a rule that lets the port in belongs
# in front of the one with this index, counted from 1. WHERE that is: the line of a file, or nft's
# handle, or `end`.
#
# A condition that is not known here, such as an address or a rate, does not hold for everybody: its
# rule neither opens nor closes a port.

function chain(name) { if (!(name in size)) size[name] = 0 }

# Add the rule that was read to a chain; `all` says whether it is for every stranger.
function add(name, where,   at) {
    chain(name)
    at = ++size[name]
    applies[name, at] = all
    limits[name, at] = limit
    verdict[name, at] = act
    target[name, at] = goal
    place[name, at] = where
    if (goal != "") references[goal]++
}

# Begin a new rule.
function fresh() { all = 1; limit = act = goal = "" }

# A condition of the rule: known to hold, or not.
function must(holds) { if (negated ? holds : !holds) all = 0; negated = 0 }

# A condition on the port, as a list of numbers and ranges.
function must_be_port(list) { limit = limit " " (negated ? "!" : "") list; negated = 0 }

# The number of a port that may be given by its name.
function number(word,   line, field) {
    if (word ~ /^[0-9]+$/) return word + 0
    if (!services_read) {
        services_read = 1
        while ((getline line < "/etc/services") > 0) {
            split(line, field, /[ \t]+/)
            if (field[2] ~ /\/tcp$/) services[field[1]] = field[2] + 0
        }
    }
    return word in services ? services[word] : -1
}

function listed(port, list,   i, n, one, ends, last) {
    n = split(list, one, ",")
    for (i = 1; i <= n; i++) {
        split(one[i] ~ /:$/ ? one[i] "65535" : one[i], ends, ":")
        last = ends[2] == "" ? ends[1] : ends[2]
        if (port >= number(ends[1] == "" ? 0 : ends[1]) && port <= number(last)) return 1
    }
    return 0
}

function concerns(name, at, port,   i, n, one, not) {
    if (!applies[name, at]) return 0
    n = split(limits[name, at], one, " ")
    for (i = 1; i <= n; i++) {
        not = sub(/^!/, "", one[i])
        if (listed(port, one[i]) == not) return 0
    }
    return 1
}

# Follow a chain. Returns accept, drop, or nothing when it is left, by the rule `left_at`; `drop` sets
# end_chain and end_at to where a rule of ours belongs. That is inside a chain only if it is called
# from one place: a chain for whatever is to be dropped must stay one.
function follow(name, port, depth,   at, came) {
    if (depth > 20) return ""
    for (at = 1; at <= size[name]; at++) {
        if (!concerns(name, at, port)) continue
        if (verdict[name, at] == "accept") return "accept"
        if (verdict[name, at] == "return") { left_at = at; return "" }
        if (verdict[name, at] == "drop") { end_chain = name; end_at = at; return "drop" }
        if (target[name, at] == "") continue
        came = follow(target[name, at], port, depth + 1)
        if (came == "drop" && references[target[name, at]] > 1) { end_chain = name; end_at = at }
        if (came != "") return came
        if (verdict[name, at] == "goto") { left_at = at; return "" }
    }
    left_at = at
    return ""
}

function judge(port,   i, open, came, where) {
    open = 1
    for (i = 1; i <= bases; i++) {
        came = follow(base[i], port, 0)
        if (came == "" && policy[base[i]] == "drop") {
            came = "drop"; end_chain = base[i]; end_at = left_at
        }
        if (came != "drop") continue
        open = 0
        # What writes a note of all that is turned away is not to note us.
        while (end_at > 1 && verdict[end_chain, end_at - 1] == "log") end_at--
        where = end_at > size[end_chain] ? last : place[end_chain, end_at]
        print port, "closed", end_at, where, end_chain
    }
    if (open) print port, "open"
}

function begin(name) { base[++bases] = name }

function known_interface(list,   i, n, one) {
    gsub(/[{} ]/, "", list)
    n = split(list, one, ",")
    for (i = 1; i <= n; i++) {
        if (index(outside, " " one[i] " ")) return 1
        if (sub(/[+*]$/, "", one[i]) && index(outside, " " one[i])) return 1
    }
    return 0
}

# -- iptables --------------------------------------------------------------------------------------

BEGIN {
    outside = " " outside " "
    last = "end"
    plain = "^(tcp|udp|state|conntrack|comment|multiport|addrtype)$"
}

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
        # Of any other extension the name alone may be a condition.
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

# -- nftables --------------------------------------------------------------------------------------

/^table / { table = $2 " " $3; of = $2; in_chain = 0; next }
/^\tchain / {
    in_chain = 1
    name = table " " $2
    # iptables' own tables are seen as iptables prints them.
    if (own && table ~ /^ip6? filter$/ && $2 ~ /^[A-Z]/) in_chain = 0
    if (in_chain) chain(name)
    next
}
/^\t}/ { in_chain = 0; next }
!in_chain { next }
/^\t\ttype / {
    if ($2 == "filter" && / hook input / && (of == "inet" || of == (family == 6 ? "ip6" : "ip"))) {
        begin(name)
    }
    policy[name] = / policy drop;/ ? "drop" : "accept"
    next
}
{
    rule = rule " " $0
    if (gsub(/\{/, "{", rule) > gsub(/\}/, "}", rule)) next
    handle = rule ~ / # handle [0-9]+$/ ? rule : ""
    sub(/.* # handle /, "", handle)
    nft(rule)
    add(name, handle)
    rule = ""
}

# Set `word` to the next word or set of the rule, and take it away from `left`.
function next_word(   length_of) {
    sub(/^ +/, "", left)
    length_of = match(left, /^\{[^}]*\}/) ? RLENGTH : match(left, /^[^ ]+/) ? RLENGTH : 0
    word = substr(left, 1, length_of)
    left = substr(left, length_of + 1)
    return length_of
}

# The next word, after a "!=" in front of it.
function value_of() {
    next_word()
    if (word == "!=") { negated = 1; next_word() }
    gsub(/[{}]/, "", word)
    gsub(/ *, */, ",", word)
    gsub(/^ +| +$/, "", word)
    return word
}

function nft(text,   key) {
    left = text
    sub(/ # handle [0-9]+$/, "", left)
    gsub(/\t/, " ", left)
    gsub(/(comment|prefix) "[^"]*"/, "", left)
    gsub(/"/, "", left)
    fresh()
    negated = 0
    while (next_word()) {
        key = word
        if (key ~ /^(iif|iifname|tcp|th|udp|ct|meta|ip|ip6|fib)$/) {
            # What is known under a name of two words.
            if (key !~ /^iif/) { next_word(); key = key " " word }
            if (key == "fib daddr" && sub(/^ type local/, "", left)) { must(1); continue }
            value_of()
            if (word == "vmap") { choose(key); if (act != "") return; continue }
            if (key ~ /^(meta )?iif/) must(known_interface(word))
            else if (key ~ /^(tcp|th) dport$/ && word !~ /@/) {
                gsub(/-/, ":", word)
                must_be_port(word)
            }
            else if (key == "ct state") must(("," word ",") ~ /,new,/)
            else if (key == "ip protocol" && family == 6) must(negated)
            else if (key ~ /^(meta l4proto|ip protocol|ip6 nexthdr)$/) {
                must(("," word ",") ~ /,(tcp|6),/)
            }
            else if (key == "meta nfproto") must(word == "ipv" family)
            else { all = 0; negated = 0 }
        }
        else if (key == "counter") sub(/^ packets [0-9]+ bytes [0-9]+/, "", left)
        else if (key == "log") {
            act = "log"
            while (match(left, /^ +(level|flags|group|snaplen|queue-threshold) +[^ ]+/)) {
                left = substr(left, RLENGTH + 1)
            }
        }
        else if (key ~ /^(accept|drop|reject|return)$/) {
            act = key == "reject" ? "drop" : key
            return
        }
        else if (key ~ /^(jump|goto)$/) { next_word(); act = key; goal = table " " word; return }
        else all = 0
    }
}

# A verdict map: take the verdict it has for us, if it has one. Ports are then the conditions.
function choose(key,   i, n, one, part, mine) {
    next_word()
    gsub(/[{}]/, "", word)
    n = split(word, one, ",")
    for (i = 1; i <= n; i++) {
        if (split(one[i], part, " ") < 3) continue
        mine = key == "ct state" ? part[1] == "new" : key ~ /l4proto$/ ? part[1] == "tcp" : 0
        if (key ~ /^iif|iifname$/) mine = known_interface(part[1])
        if (!mine) continue
        act = part[3] == "reject" ? "drop" : part[3]
        if (act == "continue") act = ""
        if (part[4] != "") goal = table " " part[4]
        return
    }
    all = 0
}

END {
    count = split(ports, asked, " ")
    for (i = 1; i <= count; i++) judge(asked[i])
}
