# The floor of a first deploy: the packages of Debian 12, and the services started once more with
# the configuration that a deploy would have written. Run over ssh, as one command.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y --no-install-recommends install postfix postfix-mysql dovecot-core dovecot-imapd \
    dovecot-pop3d dovecot-mysql mariadb-server ca-certificates
for service in mariadb postfix dovecot; do
    systemctl --quiet enable $service
    systemctl restart $service
done
