# Add the word to the list `exclude` (`value` 1), or remove it (`value` 0). Reads the whole .repo
# file first, since the last of several equal options counts. An indented line continues the
# previous one.
BEGIN { section = ENVIRON["section"]; word = ENVIRON["name"]; add = ENVIRON["value"] }
function has(text) {
    gsub(/[ \t\r,]+/, " ", text)
    return index(" " text " ", " " word " ")
}
# Set `left` to the words that remain, and return the line with them.
function without(text,    head, count, part, i) {
    match(text, /^(exclude[ \t]*=)?[ \t]*/)
    head = substr(text, 1, RLENGTH)
    count = split(substr(text, RLENGTH + 1), part, /[ \t\r,]+/)
    left = ""
    for (i = 1; i <= count; i++)
        if (part[i] != "" && part[i] != word) left = left (left == "" ? "" : " ") part[i]
    return head left (text ~ /\r$/ ? "\r" : "")
}
{ line[NR] = $0 }
/^\[/ {
    inside = (substr($0, 1, index($0, "]")) == "[" section "]")
    if (inside) { last = NR; known = 1 }
    next
}
!inside || /^[#;]/ || /^[ \t\r]*$/ { next }
{ last = NR }
/^exclude[ \t]*=/ { list = NR; lists++; listing = 1; there = 0 }
!/^[ \t]/ && !/^exclude[ \t]*=/ { listing = 0 }
listing {
    kind[NR] = (NR == list) ? "head" : "more"
    text = $0
    sub(/^exclude[ \t]*=/, "", text)
    if (has(text)) there = 1
}
END {
    for (n = 1; n <= NR; n++) {
        text = line[n]
        end = (text ~ /\r$/) ? "\r" : ""
        if (add && !there && n == list) {
            sub(/[ \t\r]+$/, "", text)
            text = text (text ~ /=$/ ? "" : " ") word end
        }
        if (!add && n >= list && kind[n] != "" && has(substr(text, index(text, "=") + 1))) {
            text = without(text)
            # Keep an empty head if lines below continue it, or if it overrides an earlier list.
            needed = kind[n] == "head" && (kind[n + 1] == "more" || lists > 1)
            if (left == "" && !needed) continue
        }
        print text
        if (add && known && !list && n == last) print "exclude=" word end
    }
}
