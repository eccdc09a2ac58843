# Files of the host: back them up, replace them atomically, restore them. Part of every apply script.
# Uses run (this run's folder on the host) and work (the folder for temporary files).

# follow PATH: set target to the file or directory that PATH leads to through all links. Where there
# is a link on the way, fail if it leads to nothing, or if an account other than root could make it
# lead elsewhere. The target may belong to anybody.
follow() {
    rest=$1 target='' hops=0 unsafe='' dangling=''
    while [ -n "$rest" ]; do
        part=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
        case $part in
        '' | .) continue ;;
        ..)
            target=${target%/*}
            continue
            ;;
        esac
        [ -n "$unsafe" ] || unsafe=$(owned_by_others "${target:-/}")
        if [ ! -L "$target/$part" ]; then
            target=$target/$part
            continue
        fi
        hops=$((hops + 1))
        if [ $hops -gt 40 ]; then
            echo "$1 is a link that leads in a circle: replace it" >&2
            return 1
        fi
        [ -n "$unsafe" ] || unsafe=$(owned_by_others "$target/$part")
        [ -e "$target/$part" ] || dangling=yes
        next=$(readlink "$target/$part")
        case $next in /*) target='' ;; esac
        rest=$next/$rest
    done
    [ $hops -gt 0 ] || return 0
    if [ -n "$dangling" ]; then
        echo "$1 leads to $target, which does not exist: mount or restore it, or remove the link" >&2
        return 1
    fi
    if [ -n "$unsafe" ]; then
        echo "$1 leads to $target, and $unsafe: root does not write there." >&2
        echo "Give that folder to root, mode 0755, or replace the link by what it leads to" >&2
        return 1
    fi
}

# owned_by_others PATH: print who could replace what is in this folder, or this link, beside root.
owned_by_others() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    # shellcheck disable=SC2046  # three words
    set -- "$1" $(stat -c '%u %g %a' "$1")
    if [ "$2" != 0 ]; then
        echo "$1 belongs to $(stat -c %U "$1")"
    elif [ ! -L "$1" ]; then
        case $3:$4 in
        # Sticky: everybody can write, but replace only what is theirs.
        *:1??? | *:3???) ;;
        *:*[2367] | [1-9]*:*[2367]?) echo "others than root can write in $1" ;;
        esac
    fi
}

# keep PATH: back up a file before it is replaced, for a rollback; the first call in a run counts. Of
# a link the content of the file is kept: the link stays.
keep() {
    [ -e "$run/kept$1" ] || [ -L "$run/kept$1" ] || [ -e "$run/absent$1" ] && return 0
    folder=$(dirname "$1")
    if [ -f "$1" ] || [ -L "$1" ]; then
        mkdir -p "$run/kept$folder"
        if [ -f "$1" ]; then cp -pL "$1" "$work/kept"; else cp -pP "$1" "$work/kept"; fi
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
    if [ -L "$1/kept$2" ]; then
        cp -pP "$1/kept$2" "$2.mailfab-back" && mv -f "$2.mailfab-back" "$2"
    elif [ -e "$1/kept$2" ]; then
        follow "$2" || return 1
        cp -p "$1/kept$2" "$target.mailfab-back" && mv -f "$target.mailfab-back" "$target"
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
        # What is made from it, such as an alias database, is older now, and made again.
        [ -L "$path" ] || touch -c "$path"
        count=$((count + 1))
    done <"$run/section"
}

# write_file OWNER GROUP MODE PATH: replace a file by standard input, atomically. The new file has
# its final owner and mode before any content is written. A link stays; the file it leads to changes.
write_file() {
    follow "$4" || return 1
    set -- "$1" "$2" "$3" "$target"
    if [ -d "$4" ]; then
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
    follow "$1"
    path=$target
    [ -f "$path" ] || : | write_file root root 0644 "$path"
    export section option value name entry
    awk "$2" "$path" >"$work/edited"
    # shellcheck disable=SC2046  # three words
    set -- "$path" $(stat -c '%u %g %a' "$path")
    write_file "$2" "$3" "$4" "$1" <"$work/edited"
    rm -f "$work/edited"
}
