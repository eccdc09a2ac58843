# Read rules as `nft -a list ruleset` prints them, with or without the contents of sets.

/^table / { table = $2 " " $3; of = $2; in_chain = 0; next }
/^\tchain / {
    in_chain = 1
    name = table " " $2
    # iptables-save prints iptables' own tables: skip them here.
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
    if (gsub(/[{]/, "{", rule) > gsub(/[}]/, "}", rule)) next
    handle = rule ~ / # handle [0-9]+$/ ? rule : ""
    sub(/.* # handle /, "", handle)
    nft(rule)
    add(name, handle)
    rule = ""
}

# Set `word` to the next word or set of the rule, and remove it from `left`.
function next_word(   length_of) {
    sub(/^ +/, "", left)
    length_of = match(left, /^[{][^}]*[}]/) ? RLENGTH : match(left, /^[^ ]+/) ? RLENGTH : 0
    word = substr(left, 1, length_of)
    left = substr(left, length_of + 1)
    return length_of
}

# Return the next word; note a "!=" in front of it in `negated`.
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
            # These keys have two words.
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

# Read a verdict map: take its verdict on our connection, if any. Ports are then the conditions.
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
