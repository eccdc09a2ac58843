# The fact `secret`. Each key is "FILE SETTING [SETTING=VALUE]": print the value of the first setting
# in the file, if the file also has the second one with that value.
awk -- 'BEGIN {
    for (i = 1; i < ARGC; i++) {
        split(ARGV[i], key, " ")
        value = also = ""
        while ((getline line < key[1]) > 0) {
            if (!match(line, /^[ \t]*[a-z]+[ \t]*=/)) continue
            name = substr(line, 1, RLENGTH - 1); gsub(/[ \t]/, "", name)
            line = substr(line, RLENGTH + 1)
            gsub(/^[ \t]+|[ \t]+$/, "", line)
            if (line ~ /^".*"$/) line = substr(line, 2, length(line) - 2)
            if (name == key[2]) value = line
            if (key[3] == "" || name "=" line == key[3]) also = 1
        }
        close(key[1])
        if (value != "" && also) { print "= " ARGV[i]; print "|" value }
    }
    exit
}' "$@"
