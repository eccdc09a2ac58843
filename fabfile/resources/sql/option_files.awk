# Print the lines for a server in the option files of a database server, in the order in which it
# reads them: the place, a tab, and the line. Arguments: the first files, which can include others.
BEGIN {
    for (i = 1; i < ARGC; i++) options(ARGV[i], 0)
    exit
}
function options(file, depth,    line, group, list, part) {
    if (depth > 10) return
    while ((getline line < file) > 0) {
        gsub(/^[ \t]+|[ \t\r]+$/, "", line)
        if (line ~ /^!include[ \t]/) {
            sub(/^!include[ \t]+/, "", line)
            options(line, depth + 1)
        } else if (line ~ /^!includedir[ \t]/) {
            sub(/^!includedir[ \t]+/, "", line)
            sub(/[\/]+$/, "", line)
            list = line
            gsub(/'/, "'\\''", list)
            list = "ls '" list "/'"
            while ((list | getline part) > 0)
                if (part ~ /[.]cnf$/) options(line "/" part, depth + 1)
            close(list)
        } else if (line ~ /^\[/) {
            group = line
            sub(/\].*/, "]", group)
        } else if (group ~ /^\[(mysqld|server|mariadbd?)(-[0-9.]+)?\]$|^\[(client-server|galera)\]$/) {
            print file " " group "\t" line
        }
    }
    close(file)
}
