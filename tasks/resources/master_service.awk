# Prints master.cf without the service's entry (and the lines that continue it), then the entry.
BEGIN { name = ENVIRON["name"] }
/^[^ \t#]/ { ours = ($1 "/" $2 == name) }
/^[ \t]*(#|$)/ { print; next }
!ours { print }
END { if (ENVIRON["entry"] != "") print ENVIRON["entry"] }
