# yum ARGUMENTS: the package manager $manager, which waits for its lock for $wait seconds. Its exit
# code says little (0 when it knows none of the names), so nothing depends on it. Needs ask_yum.sh.
yum() {
    code=0
    try_yum "$wait" "$manager" -y "$@" || code=$?
    [ $code -ne 200 ] || {
        echo 'the lock of yum is held by another program'
        exit 1
    }
}
