# The fact `disks`: room below the folders that mail needs. A line each: free KiB, free inodes (or `-`
# where the file system has no fixed number of them), folder.
queue=$(postconf -h queue_directory) spool=$(postconf -h mail_spool_directory)
for d in "${queue:-/var/spool/postfix}" "${spool:-/var/mail}" /home/vmail /var/lib/mysql /var/log /tmp; do
    [ -d "$d" ] || continue
    room=$(df -Pk "$d" | awk 'NR == 2 { print $4 }')
    inodes=$(df -Pi "$d" | awk 'NR == 2 { print ($2 + 0 > 0) ? $4 : "-" }')
    echo "$room ${inodes:--} $d"
done
