# Of the lines `PLACE TAB OPTION`, print those that set a variable of $names, tab-separated: variable,
# value, the option as written, the place. Other options may hold passwords: they are not printed.
BEGIN {
    FS = OFS = "\t"
    count = split(ENVIRON["names"], names, " ")
}
{
    written = substr($0, length($1) + 2)
    gsub(/\t/, " ", written)
    sub(/ +#.*/, "", written)
    name = value = written
    sub(/ *=.*/, "", name)
    if (!sub(/^[^=]*= */, "", value)) value = "ON"
    if (value ~ /^".*"$/ || value ~ /^'.*'$/) value = substr(value, 2, length(value) - 2)
    gsub(/-/, "_", name)
    sub(/^loose_/, "", name)
    for (i = 1; i <= count; i++) {
        if (name == "skip_" names[i] || name == "disable_" names[i]) value = "OFF"
        # The server takes any beginning of a name that is not ambiguous.
        else if (name != names[i] && !(length(name) > 5 && index(names[i], name) == 1)) continue
        print "option", names[i], value, written, $1
        break
    }
}
