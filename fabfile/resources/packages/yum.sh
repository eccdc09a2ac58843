# yum ARGUMENTS: run the package manager $manager; wait up to $wait seconds for its lock. The exit
# code is not used: yum returns 0 even if it knows none of the names. Needs ask_yum.sh.
yum() {
    code=0
    try_yum "$wait" "$manager" -y "$@" || code=$?
    [ $code -ne 200 ] || {
        echo 'the lock of yum is held by another program'
        exit 1
    }
}
