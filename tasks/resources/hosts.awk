# Prints /etc/hosts with one line for this host: its full name, its short one, then the names that
# the line had. That line is the first that has one of the names, except those of localhost; else
# that of 127.0.1.1; else a new one.
BEGIN {
    full = ENVIRON["name"]
    short = full
    sub(/[.].*/, "", short)
}
{ line[NR] = $0 }
!/^[ \t]*(#|$)/ && $1 != "127.0.0.1" && $1 != "::1" {
    text = $0
    sub(/#.*/, "", text)
    count = split(text, word, /[ \t]+/)
    for (i = 2; i <= count; i++)
        if ((word[i] == full || word[i] == short) && !ours) ours = NR
    if (word[1] == "127.0.1.1" && !loopback) loopback = NR
}
END {
    if (!ours) ours = loopback
    for (n = 1; n <= NR; n++) print n == ours ? entry(line[n]) : line[n]
    if (!ours) print "127.0.1.1\t" full " " short
}
function entry(text,    count, word, i, comment, names) {
    if (match(text, /[ \t]*#.*/)) {
        comment = substr(text, RSTART)
        text = substr(text, 1, RSTART - 1)
    }
    sub(/^[ \t]+/, "", text)
    count = split(text, word, /[ \t]+/)
    names = full " " short
    for (i = 2; i <= count; i++)
        if (word[i] != "" && word[i] != full && word[i] != short) names = names " " word[i]
    return word[1] "\t" names comment
}
