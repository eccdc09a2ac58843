# Prints the first certificate of each file, with `= PATH` in front and `|` before each line, and
# nothing else of the file: it may hold a private key as well. A block counts only if it is whole and
# has nothing but Base64 in it.
FNR == 1 { print "= " FILENAME; inside = done = 0 }
done { next }
{ sub(/[ \t\r]+$/, "") }
$0 == "-----BEGIN CERTIFICATE-----" { inside = 1; block = "|" $0 "\n"; next }
!inside { next }
$0 == "-----END CERTIFICATE-----" {
    printf "%s|%s\n", block, $0
    inside = 0
    done = 1
    next
}
/^[A-Za-z0-9+\/=]+$/ { block = block "|" $0 "\n"; next }
{ inside = 0 }
