# The fact `certificate`. Each key is "CERTIFICATE KEY". $made_file has the digests of pairs that
# mailfab made: running openssl on them would cost more than all other facts together.
for key; do
    # shellcheck disable=SC2086  # words
    set -- $key
    [ -s "$1" ] && [ -s "$2" ] || continue
    digest=$(cat "$1" "$2" | sha256sum)
    made=
    [ ! -r "$made_file" ] || while read -r sum until name; do
        if [ "$sum" = "${digest%% *}" ]; then
            made=$name
            break
        fi
    done <"$made_file"
    if [ -n "$made" ]; then
        [ "$until" -gt $(($(date +%s) + renewal)) ] && lasting=yes || lasting=no
        printf '= %s yes %s %s %s\n' "$lasting" "$(stat -L -c %U:%a "$2")" "$made" "$key"
        continue
    fi
    public=$(openssl x509 -in "$1" -noout -pubkey -text -checkend "$renewal") &&
        lasting=yes || lasting=no
    name=$(printf '%s\n' "$public" | sed -n 's/^ *DNS:\([^, ]*\).*/\1/p')
    [ -n "$name" ] || continue
    case "$public" in *"$(openssl pkey -in "$2" -pubout)"*) same=yes ;; *) same=no ;; esac
    printf '= %s %s %s %s %s\n' "$lasting" $same "$(stat -L -c %U:%a "$2")" "$name" "$key"
done
