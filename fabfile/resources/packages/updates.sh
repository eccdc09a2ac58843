# The fact `updates`: the number of outstanding updates. yum lists each in three columns, and then
# the obsolete packages. Needs ask_yum.sh.
if command -v apt-get >/dev/null; then
    apt-get -s -o Debug::NoLocking=1 upgrade | grep -c '^Inst '
else
    ask_yum check-update | awk '/^Obsoleting/ { exit } NF == 3 { n++ } END { print n + 0 }'
fi
