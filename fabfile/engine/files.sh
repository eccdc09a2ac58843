# Files of the host: back them up, replace them atomically, restore them. Part of every apply script.
# Uses run (this run's folder on the host) and work (the folder for temporary files).

# keep PATH: back up a file before it is replaced, for a rollback; the first call in a run counts.
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

# put_back RUN PATH: restore a file from the backup that a run made, or remove it if it was absent.
put_back() {
    if [ -e "$1/kept$2" ] || [ -L "$1/kept$2" ]; then
        cp -pP "$1/kept$2" "$2.mailfab-back" && mv -f "$2.mailfab-back" "$2"
    elif [ -e "$1/absent$2" ]; then
        rm -f "$2"
    fi
}

# put_back_all: restore all files that this section has replaced; sets count to their number.
put_back_all() {
    count=0
    [ -r "$run/section" ] || return 0
    while IFS= read -r path; do
        put_back "$run" "$path"
        count=$((count + 1))
    done <"$run/section"
}

# write_file OWNER GROUP MODE PATH: replace a file by standard input, atomically. The new file has
# its final owner and mode before any content is written.
write_file() {
    if [ -d "$4" ] && [ ! -L "$4" ]; then
        echo "$4 is a directory" >&2
        return 1
    fi
    # The folder is readable by all users; only the file may be secret.
    [ -d "${4%/*}" ] || (umask 022 && mkdir -p "${4%/*}")
    rm -f "$4".mailfab-new.*
    new=$(mktemp "$4.mailfab-new.XXXXXX")
    chown "$1:$2" "$new"
    chmod "$3" "$new"
    # dd is the only program of coreutils 8.4 that can sync a file.
    if ! said=$(dd of="$new" bs=65536 conv=fsync,notrunc 2>&1); then
        printf '%s\n' "$said" >&2
        rm -f "$new"
        return 1
    fi
    # Copy the SELinux label of the replaced file; a new file gets the default label of its path.
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

# rewrite PATH PROGRAM: edit a file with awk; its owner and mode stay. Variables set in front of the
# call reach the program in ENVIRON, where awk does not interpret backslashes.
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
