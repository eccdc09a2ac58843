# The floor of a first deploy: install the packages of Debian 12 and restart the services once, as
# a deploy does for its configuration. Runs over ssh, as one command.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y --no-install-recommends install postfix postfix-mysql dovecot-core dovecot-imapd \
    dovecot-pop3d dovecot-mysql mariadb-server ca-certificates
for service in mariadb postfix dovecot; do
    systemctl --quiet enable $service
    systemctl restart $service
done
