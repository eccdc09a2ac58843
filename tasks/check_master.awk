# Checks master.cf as master(8) reads it (master(5)), and says what is wrong. Postfix before 2.11
# finds a wrong line only when it reloads, and dies of it.
function wrong(what) {
    print FILENAME ", line " first ": " what ": " shown | "cat >&2"
    bad = 1
}
function check(    count, field, n) {
    if (entry == "") return
    count = split(entry, field, /[ \t]+/)
    shown = substr(entry, 1, 60)
    if (count < 8) {
        wrong("a service has eight fields, this has " count)
        return
    }
    if (field[2] !~ /^(inet|unix|fifo|pass|unix-dgram)$/) wrong("unknown type \"" field[2] "\"")
    for (n = 3; n <= 5; n++)
        if (field[n] !~ /^[yn-]$/) wrong("field " n " is \"" field[n] "\" instead of y, n or -")
    if (field[6] !~ /^([0-9]+[?]?|-)$/) wrong("wakeup time \"" field[6] "\"")
    if (field[7] !~ /^([0-9]+|-)$/) wrong("process limit \"" field[7] "\"")
    if (field[8] ~ /^-/) wrong("no command")
}
/^[ \t]*(#|$)/ { next }
/^[ \t]/ {
    if (entry == "") {
        first = NR
        shown = substr($0, 1, 60)
        wrong("the first line continues nothing")
    }
    entry = entry " " $0
    next
}
{
    check()
    entry = $0
    first = NR
}
END {
    check()
    exit bad
}
