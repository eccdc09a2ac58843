# readable_sources: set $sources, the options for apt-get that leave out what apt cannot read: lines
# of sources.list, and files of sources.list.d. One bad line in any of them stops apt as a whole. Set
# $unreadable: a line `FILE: MESSAGE` for each. The caller removes the folder $copies.
readable_sources() {
    sources='' copies='' unreadable=''
    while ! errors=$(
        # shellcheck disable=SC2086  # words
        apt-get $sources indextargets 2>&1 >/dev/null
    ); do
        bad=$(printf '%s\n' "$errors" | sed -n \
            -e 's,^E: .* /[^ ]*/\([^/ ]*[.]list\)\( .*\)*$,\1,p' \
            -e 's,^E: .* /[^ ]*/\([^/ ]*[.]sources\)\( .*\)*$,\1,p' | head -n 1)
        [ -n "$bad" ] || return 0
        if [ -z "$copies" ]; then
            copies=$(mktemp -d) || return 0
            mkdir "$copies/parts"
            cp -p /etc/apt/sources.list "$copies"
            cp -p /etc/apt/sources.list.d/* "$copies/parts"
            sources="-o Dir::Etc::SourceParts=$copies/parts -o Dir::Etc::SourceList=$copies/sources.list"
            sources="$sources -o APT::Get::List-Cleanup=0"
        fi
        if [ -e "$copies/parts/$bad" ]; then
            file=/etc/apt/sources.list.d/$bad
            rm "$copies/parts/$bad"
        else
            file=/etc/apt/$bad
            line=$(printf '%s\n' "$errors" | sed -n 's/^E: .* \([0-9][0-9]*\) in .*/\1/p' | head -n 1)
            [ "$bad" = sources.list ] && [ -n "$line" ] || return 0
            # Commented out: the numbers of the lines below stay.
            sed "${line}s/^/#/" "$copies/sources.list" >"$copies/list"
            ! cmp -s "$copies/list" "$copies/sources.list" || return 0
            mv "$copies/list" "$copies/sources.list"
        fi
        unreadable="$unreadable$file: $(printf '%s\n' "$errors" |
            sed -n "s,$copies/parts,/etc/apt/sources.list.d,; s,$copies,/etc/apt,; s/^E: //p" | head -n 1)
"
    done
}
