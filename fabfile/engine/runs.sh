# The fact `runs`: each recorded run, its attributes, and the files that it replaced.
for folder in "$state_dir"/runs/*; do
    [ -r "$folder/about" ] || continue
    printf '= %s\n' "${folder##*/}"
    sed 's/^/|/' "$folder/about"
    [ ! -r "$folder/replaced" ] || sed 's/^/|file=/' "$folder/replaced"
done
