# The fact `pending`: print the restarts that an earlier run left due.
for f in "$state_dir"/pending/*; do
    [ -e "$f" ] && echo "${f##*/}"
done
