# The fact `pending`: the restarts that an earlier run has left due.
for f in "$state_dir"/pending/*; do
    [ -e "$f" ] && echo "${f##*/}"
done
