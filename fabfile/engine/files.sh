# Files of the host: kept before they are replaced, replaced as a whole, put back. Part of every apply
# script. Uses run (this run's folder on the host) and work (the folder for what is half-made).

# keep PATH: before a file is replaced, put it where a rollback finds it; once in a run.
keep() {
    [ -e "$run/kept$1" ] || [ -L "$run/kept$1" ] || [ -e "$run/absent$1" ] && return 0
    folder=$(dirname "$1")
    if [ -f "$1" ] || [ -L "$1" ]; then
        mkdir -p "$run/kept$folder"
        cp -pP "$1" "$work/kept"
        mv "$work/kept" "$run/kept$1"
    elif [ ! -e "$1" ]; then
        mkdir -p "$run/absent$folder"
        : >"$run/absent$1"
    else
        return 0
    fi
    printf '%s\n' "$1" | tee -a "$run/section" >>"$run/replaced"
}

# put_back RUN PATH: make a file what it was before that run, whose folder has it if it was there.
put_back() {
    if [ -e "$1/kept$2" ] || [ -L "$1/kept$2" ]; then
        cp -pP "$1/kept$2" "$2.mailfab-back" && mv -f "$2.mailfab-back" "$2"
    elif [ -e "$1/absent$2" ]; then
        rm -f "$2"
    fi
}

# put_back_all: undo what this section has replaced so far; sets count to how many files that was.
put_back_all() {
    count=0
    [ -r "$run/section" ] || return 0
    while IFS= read -r path; do
        put_back "$run" "$path"
        count=$((count + 1))
    done <"$run/section"
}

# write_file OWNER GROUP MODE PATH: replace a file by standard input, in one step that a crash
# cannot split; the new file never has other rights than its own, not even while it is written.
write_file() {
    if [ -d "$4" ] && [ ! -L "$4" ]; then
        echo "$4 is a directory" >&2
        return 1
    fi
    # Where everybody can find it; only the file itself may be secret.
    [ -d "${4%/*}" ] || (umask 022 && mkdir -p "${4%/*}")
    rm -f "$4".mailfab-new.*
    new=$(mktemp "$4.mailfab-new.XXXXXX")
    chown "$1:$2" "$new"
    chmod "$3" "$new"
    # dd is the one program of coreutils 8.4 that syncs a file.
    if ! said=$(dd of="$new" bs=65536 conv=fsync,notrunc 2>&1); then
        printf '%s\n' "$said" >&2
        rm -f "$new"
        return 1
    fi
    # The label is that of the file that was there; a new one's depends on its name.
    if ! selinux; then
        mv -f "$new" "$4"
    elif [ -e "$4" ]; then
        chcon --reference="$4" "$new" || :
        mv -f "$new" "$4"
    else
        mv -f "$new" "$4"
        restorecon "$4" || :
    fi
}

selinux() { command -v selinuxenabled >/dev/null && selinuxenabled; }

# rewrite PATH PROGRAM: put a file through awk; whose it is and who may read it stays. Variables
# set in front of it reach the program in ENVIRON, where awk does not interpret backslashes.
rewrite() {
    path=$(readlink -f "$1")
    [ -f "$path" ] || : | write_file root root 0644 "$path"
    export section option value name entry
    awk "$2" "$path" >"$work/edited"
    # shellcheck disable=SC2046  # three words
    set -- "$path" $(stat -c '%u %g %a' "$path")
    write_file "$2" "$3" "$4" "$1" <"$work/edited"
    rm -f "$work/edited"
}
