# The fact `addresses`: the host's own addresses that others can use.
{
    ip -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }'
    hostname -I | tr ' ' '\n'
} | sort -u
