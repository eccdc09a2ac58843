# Find the verdict of a set of rules on a new TCP connection of an outside client. The rules come
# from iptables-save, from `nft -a list ruleset` or from a file that an administrator wrote. This
# file follows the rules; iptables.awk and nftables.awk, appended to it, read them.
#
# Set with -v: ports ("25 587"), outside (the interfaces to outside clients), family (4 or 6), own=1
# to skip the tables of nft that belong to iptables. Prints for each port "PORT open", or a line for
# each chain that rejects it, "PORT closed INDEX WHERE CHAIN". An accept rule belongs in front of
# the one with this index, counted from 1. WHERE is the line of a file, or nft's handle, or `end`.
#
# An unknown condition, such as an address or a rate, does not hold for every client: its rule
# neither opens nor closes a port.

function chain(name) { if (!(name in size)) size[name] = 0 }

# Add the rule just read to a chain; `all` is true if the rule applies to every outside client.
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

# Add a condition of the rule: `holds` is true if it holds for every outside client.
function must(holds) { if (negated ? holds : !holds) all = 0; negated = 0 }

# Add a condition on the port: a list of numbers and ranges.
function must_be_port(list) { limit = limit " " (negated ? "!" : "") list; negated = 0 }

# Return the number of a port, which may be given by its name.
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

# Follow a chain. Return accept, drop, or nothing if the rule `left_at` leaves it. `drop` sets
# end_chain and end_at to the place of an accept rule. That place is inside a called chain only if
# one rule calls it: a chain that several rules use for rejecting must go on rejecting.
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

function print_verdicts(port,   i, open, came, where) {
    open = 1
    for (i = 1; i <= bases; i++) {
        came = follow(base[i], port, 0)
        if (came == "" && policy[base[i]] == "drop") {
            came = "drop"; end_chain = base[i]; end_at = left_at
        }
        if (came != "drop") continue
        open = 0
        # Go before rules that log rejected connections: this one is accepted.
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

BEGIN {
    outside = " " outside " "
    last = "end"
}

END {
    count = split(ports, asked, " ")
    for (i = 1; i <= count; i++) print_verdicts(asked[i])
}
