# Prints an alias file with one entry for `name`: in the place of the first, or at the end.
BEGIN { name = ENVIRON["name"] }
/^[^ \t#]/ {
    this = tolower($0); sub(/[ \t]*:.*/, "", this); gsub(/"/, "", this)
    ours = (this == name)
    if (ours && !done) { print ENVIRON["entry"]; done = 1 }
}
/^[ \t]*(#|$)/ { print; next }
!ours { print }
END { if (!done) print ENVIRON["entry"] }
