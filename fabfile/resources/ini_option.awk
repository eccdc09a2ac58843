# Print the file with the option set once: in its place, else at the end of its section, else in a
# new section at the end. Other spellings and repetitions of it in that section are removed.
BEGIN { section = ENVIRON["section"]; option = ENVIRON["option"]; value = ENVIRON["value"] }
function put() { if (!done) { print option " = " value; done = 1 } }
{ line = $0; sub(/^[ \t]+/, "", line); sub(/[ \t]+$/, "", line) }
line ~ /^\[/ {
    if (inside) put()
    flush_blank()
    inside = (line == "[" section "]")
    print; next
}
inside && line == "" { blank = blank $0 "\n"; next }
inside {
    name = line; sub(/[ \t]*=.*/, "", name); gsub(/_/, "-", name)
    if (name == option) { flush_blank(); put(); next }
    flush_blank()
}
{ print }
function flush_blank() { printf "%s", blank; blank = "" }
END {
    if (!inside && !done) print "[" section "]"
    put()
    flush_blank()
}
