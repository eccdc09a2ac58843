# Prints master.cf without the service's entry (and the lines that continue it), then the entry. An
# entry for the same port under another of the names `option`, with any address, takes its place.
BEGIN {
    name = ENVIRON["name"]
    count = split(ENVIRON["option"], names, " ")
    for (n = 1; n <= count; n++) same[names[n]] = 1
}
/^[^ \t#]/ {
    ours = ($1 "/" $2 == name)
    port = $1
    sub(/.*:/, "", port)
    if (!ours && $2 == "inet" && NF >= 8 && port in same) taken = 1
}
/^[ \t]*(#|$)/ { print; next }
!ours { print }
END { if (ENVIRON["entry"] != "" && !taken) print ENVIRON["entry"] }
