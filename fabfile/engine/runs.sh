# The fact `runs`: each run that the host remembers, what it says of itself, and the files it replaced.
for folder in "$state_dir"/runs/*; do
    [ -r "$folder/about" ] || continue
    printf '= %s\n' "${folder##*/}"
    sed 's/^/|/' "$folder/about"
    [ ! -r "$folder/replaced" ] || sed 's/^/|file=/' "$folder/replaced"
done
