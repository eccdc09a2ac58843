# edit_main ARGUMENT...: edit main.cf with postconf(1). It would replace a link by a file, so a file
# behind a link is edited in a copy. Needs files.sh.
edit_main() {
    follow /etc/postfix/main.cf
    # postconf adds new parameters to a last line that has no newline.
    [ -z "$(tail -c 1 "$target")" ] || echo >>"$target"
    if [ ! -L /etc/postfix/main.cf ]; then
        postconf "$@"
        return
    fi
    mkdir -p "$work/postfix"
    cp "$target" "$work/postfix/main.cf"
    postconf -c "$work/postfix" "$@"
    # shellcheck disable=SC2046  # three words
    set -- $(stat -c '%u %g %a' "$target")
    write_file "$1" "$2" "$3" /etc/postfix/main.cf <"$work/postfix/main.cf"
    rm -rf "$work/postfix"
}
