"""What the guide has a person write: its values, parameters, configuration files and statements.

Its two errors are corrected: `<'@'>` in a query is `'@'`, and Postfix's two TLS paths have no `<`.
"""

FQDN, DOMAIN, USER, PASSWORD = "server.example.com", "example.com", "sales", "password"
ADDRESS = f"{USER}@{DOMAIN}"
ADMIN_PASSWORD, ROOT_PASSWORD = "mail_admin_password", "root_password"

QUERIES = {
    "domains": "SELECT domain AS virtual FROM domains WHERE domain='%s'",
    "forwardings": "SELECT destination FROM forwardings WHERE source='%s'",
    "mailboxes": "SELECT CONCAT(SUBSTRING_INDEX(email,'@',-1),'/',SUBSTRING_INDEX(email,'@',1),'/')"
    " FROM users WHERE email='%s'",
    "email2email": "SELECT email FROM users WHERE email='%s'",
}

PARAMETERS = """\
myhostname = server.example.com
mydestination = $myhostname, localhost, localhost.localdomain
mynetworks = 127.0.0.0/8
inet_interfaces = all
message_size_limit = 30720000
virtual_alias_domains =
virtual_alias_maps = proxy:mysql:/etc/postfix/mysql-virtual_forwardings.cf, \
mysql:/etc/postfix/mysql-virtual_email2email.cf
virtual_mailbox_domains = proxy:mysql:/etc/postfix/mysql-virtual_domains.cf
virtual_mailbox_maps = proxy:mysql:/etc/postfix/mysql-virtual_mailboxes.cf
virtual_mailbox_base = /home/vmail
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_auth_enable = yes
broken_sasl_auth_clients = yes
smtpd_sasl_authenticated_header = yes
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, \
reject_unauth_destination
smtpd_use_tls = yes
smtpd_tls_cert_file = /etc/pki/dovecot/certs/dovecot.pem
smtpd_tls_key_file = /etc/pki/dovecot/private/dovecot.pem
virtual_create_maildirsize = yes
virtual_maildir_extended = yes
proxy_read_maps = $local_recipient_maps $mydestination $virtual_alias_maps \
$virtual_alias_domains $virtual_mailbox_maps $virtual_mailbox_domains $relay_recipient_maps \
$relay_domains $canonical_maps $sender_canonical_maps $recipient_canonical_maps \
$relocated_maps $transport_maps $mynetworks $virtual_mailbox_limit_maps
virtual_transport = dovecot
dovecot_destination_recipient_limit = 1
"""

MASTER = """\
dovecot   unix  -       n       n       -       -       pipe
    flags=DRhu user=vmail:vmail argv=/usr/libexec/dovecot/deliver -f ${sender} -d ${recipient}
"""

DOVECOT_CONF = """\
protocols = imap pop3
log_timestamp = "%Y-%m-%d %H:%M:%S "
mail_location = maildir:/home/vmail/%d/%n/Maildir

ssl_cert = </etc/pki/dovecot/certs/dovecot.pem
ssl_key = </etc/pki/dovecot/private/dovecot.pem

namespace {
    type = private
    separator = .
    prefix = INBOX.
    inbox = yes
}

service auth {
    unix_listener auth-master {
        mode = 0600
        user = vmail
    }

    unix_listener /var/spool/postfix/private/auth {
        mode = 0666
        user = postfix
        group = postfix
    }

user = root
}

service auth-worker {
    user = root
}

protocol lda {
    log_path = /home/vmail/dovecot-deliver.log
    auth_socket_path = /var/run/dovecot/auth-master
    postmaster_address = postmaster@example.com
}

protocol pop3 {
    pop3_uidl_format = %08Xu%08Xv
}

passdb {
    driver = sql
    args = /etc/dovecot/dovecot-sql.conf.ext
}

userdb {
    driver = static
    args = uid=5000 gid=5000 home=/home/vmail/%d/%n allow_all_users=yes
}
"""

SQL_CONF = f"""\
driver = mysql
connect = host=127.0.0.1 dbname=mail user=mail_admin password={ADMIN_PASSWORD}
default_pass_scheme = CRYPT
password_query = SELECT email as user, password FROM users WHERE email='%u';
"""

GRANTS = "".join(
    "GRANT SELECT, INSERT, UPDATE, DELETE ON mail.* TO "
    f"'mail_admin'@'{place}' IDENTIFIED BY '{ADMIN_PASSWORD}';\n"
    for place in ("localhost", "localhost.localdomain")
)

TABLES = """\
CREATE TABLE domains (domain varchar(50) NOT NULL, PRIMARY KEY (domain) );
CREATE TABLE forwardings (source varchar(80) NOT NULL, destination TEXT NOT NULL, \
PRIMARY KEY (source) );
CREATE TABLE users (email varchar(80) NOT NULL, password varchar(20) NOT NULL, \
PRIMARY KEY (email) );
CREATE TABLE transport ( domain varchar(128) NOT NULL default '', \
transport varchar(128) NOT NULL default '', UNIQUE KEY domain (domain) );
"""

ROWS = f"""\
USE mail;
INSERT INTO domains (domain) VALUES ('{DOMAIN}');
INSERT INTO users (email, password) VALUES ('{ADDRESS}', ENCRYPT('{PASSWORD}'));
quit
"""

EHLO = """\
250-PIPELINING
250-SIZE 30720000
250-VRFY
250-ETRN
250-STARTTLS
250-AUTH PLAIN
250-AUTH=PLAIN
250-ENHANCEDSTATUSCODES
250-8BITMIME
"""
