"""Where mailfab's server differs from the guide's on purpose, and why (docs/guide.md)."""

from __future__ import annotations

from tests.e2e.comparison import ABSENT, ANYTHING, ExpectedDifference

READER = "programs that only read log in as mail_reader, which only can"
WIDER = "an address has up to 254 characters, a hash more than 20"
TLS = "no TLS older than the clients of today, on Postfix before 3.0"
WEAK = "no export, DES, RC4 or anonymous ciphers, which old OpenSSL has"
CLIENTS = "ports for mail clients, with TLS before the password (RFC 8314)"
NO_VRFY = "VRFY tells strangers which addresses exist"
NO_OUTLOOK = "AUTH= is for Outlook Express 4"
TLS_FIRST = "no passwords in clear text"
RETRY = "named twice, or one failure keeps Postfix from asking for a minute"
TRANSPORTS = "the guide's table `transport` is wired up"
BY_ADDRESS = "127.0.0.1, too, for servers that resolve no names"
TESTS = "the guide installs it for its own tests"
PATCH = "a parameter of a patch that no distribution has"
STRANGERS = "without allow_all_users, no mailbox for an unknown address"
OWN_CERTIFICATE = "a certificate for the server's own name, for ten years"
NO_LOGIN = "vmail never logs in, so it has no shell and no files of a login"

MAPS = ("domains", "email2email", "forwardings", "mailboxes")
COLUMNS = (
    ("domains.domain", "varchar(50) not null"),
    ("forwardings.source", "varchar(80) not null"),
    ("transport.domain", "varchar(128) not null default ''"),
    ("transport.transport", "varchar(128) not null default ''"),
    ("users.email", "varchar(80) not null"),
    ("users.password", "varchar(20) not null"),
)


def changed(aspect: str, name: str, guide: str, mailfab: str, why: str) -> ExpectedDifference:
    """Return an entry for what both have."""
    return ExpectedDifference(aspect, name, guide, mailfab, why)


def added(aspect: str, name: str, mailfab: str, why: str) -> ExpectedDifference:
    """Return an entry for what only mailfab's server has."""
    return ExpectedDifference(aspect, name, ABSENT, mailfab, why)


def left_out(aspect: str, name: str, guide: str, why: str) -> ExpectedDifference:
    """Return an entry for what only the guide's server has."""
    return ExpectedDifference(aspect, name, guide, ABSENT, why)


PACKAGES = tuple(
    left_out(aspect, name, ANYTHING, TESTS)
    for program in ("mailx", "mutt", "telnet")
    for aspect, name in (("packages", program), ("origin of packages", f"{program}.x86_64"))
)

MAIN_CF = (
    changed("main.cf", "broken_sasl_auth_clients", "yes", "no", NO_OUTLOOK),
    added("main.cf", "disable_vrfy_command", "yes", NO_VRFY),
    changed(
        "main.cf", "mynetworks", "127.0.0.0/8", "127.0.0.0/8 [::1]/128", "IPv6 has a loopback, too"
    ),
    left_out("main.cf", "proxy_read_maps", ANYTHING, "2.6's default, which hides later maps"),
    added("main.cf", "smtpd_data_restrictions", "reject_unauth_pipelining", "SMTP smuggling"),
    added("main.cf", "smtpd_tls_auth_only", "yes", TLS_FIRST),
    added("main.cf", "smtpd_tls_ciphers", "medium", WEAK),
    added("main.cf", "smtpd_tls_eecdh_grade", "strong", TLS),
    added("main.cf", "smtpd_tls_exclude_ciphers", "aNULL, eNULL, EXPORT, DES, RC4", WEAK),
    added("main.cf", "smtpd_tls_mandatory_protocols", "!SSLv2, !SSLv3", TLS),
    added("main.cf", "smtpd_tls_protocols", "!SSLv2, !SSLv3", TLS),
    added("main.cf", "smtpd_tls_security_level", "may", "replaces smtpd_use_tls since 2.3"),
    left_out("main.cf", "smtpd_use_tls", "yes", "smtpd_tls_security_level replaces it"),
    added("main.cf", "transport_maps", "proxy:mysql:*_transports.cf", TRANSPORTS),
    changed(
        "main.cf",
        "virtual_alias_maps",
        "proxy:*, mysql:/etc/postfix/mysql-virtual_email2email.cf",
        "proxy:*, proxy:mysql:/etc/postfix/mysql-virtual_email2email.cf",
        "proxymap shares its connections",
    ),
    left_out("main.cf", "virtual_create_maildirsize", "yes", PATCH),
    left_out("main.cf", "virtual_maildir_extended", "yes", PATCH),
)

POSTFIX = (
    changed(
        "master.cf",
        "dovecot unix",
        "* -d ${recipient}",
        "* -d ${user}@${domain}",
        "Dovecot knows no tags of recipient_delimiter",
    ),
    added("master.cf", "smtps inet", ANYTHING, CLIENTS),
    added("master.cf", "submission inet", ANYTHING, CLIENTS),
    added("listening", "*:465", "listens", CLIENTS),
    added("listening", "*:587", "listens", CLIENTS),
    changed("ports for mail clients", "login on 465", "no connection", "235 *", CLIENTS),
    changed("ports for mail clients", "login on 587", "no connection", "235 *", CLIENTS),
    added("maps of Postfix", "mysql-virtual_transports.cf *", ANYTHING, TRANSPORTS),
    added("files", "/etc/postfix/mysql-virtual_transports.cf", "root:postfix 640 *", TRANSPORTS),
    *(
        entry
        for name in MAPS
        for entry in (
            changed(
                "maps of Postfix",
                f"mysql-virtual_{name}.cf hosts",
                "127.0.0.1",
                "127.0.0.1 127.0.0.1",
                RETRY,
            ),
            changed(
                "maps of Postfix",
                f"mysql-virtual_{name}.cf user",
                "mail_admin",
                "mail_reader",
                READER,
            ),
        )
    ),
    left_out("port 25", "EHLO on 25 AUTH PLAIN", "offered", TLS_FIRST),
    changed("port 25", "login without TLS", "235 *", "SMTPNotSupportedError*", TLS_FIRST),
    left_out("port 25", "EHLO on 25* AUTH=PLAIN", "offered", NO_OUTLOOK),
    left_out("port 25", "EHLO on 25* VRFY", "offered", NO_VRFY),
    changed("port 25", "VRFY", "252 *", "502 *", NO_VRFY),
)

DOVECOT = (
    changed(
        "Dovecot",
        "service auth / unix_listener /var/spool/postfix/private/auth / mode",
        "0666",
        "0660",
        "the listener is for Postfix alone",
    ),
    changed(
        "files",
        "/var/spool/postfix/private/auth",
        "*666 socket",
        "*660 socket",
        "the same listener",
    ),
    added("Dovecot", "ssl_cipher_list", "TLSv1.2+HIGH:!aNULL:!DH", "its DH keys are too short"),
    changed("Dovecot", "userdb / args", "* allow_all_users=yes", "*/%d/%n", STRANGERS),
    changed("SQL of Dovecot", "connect", "* user=mail_admin *", "* user=mail_reader *", READER),
    changed("SQL of Dovecot", "password_query", "* as user, *;", "* AS user, *", "spelling"),
    left_out("files", "/home/vmail/example.com/nobody", ANYTHING, STRANGERS),
    left_out("files", "/home/vmail/example.com/postmaster", ANYTHING, STRANGERS),
    changed("delivery", "from-inside-to-nobody", "*sent", "*bounced", STRANGERS),
    changed("delivery", "from-inside-to-root", "*sent", "*bounced*", STRANGERS),
    changed(
        "certificate",
        "subject",
        "*CN = imap.example.com*",
        "CN = server.example.com",
        OWN_CERTIFICATE,
    ),
    changed("certificate", "years", "1", "10", OWN_CERTIFICATE),
    changed("files", "/etc/pki/dovecot/certs/dovecot.pem", "*600*", "*644*", "it is no secret"),
)

DATABASE = (
    *(
        changed(
            "database",
            f"column {name}",
            kind,
            kind.replace(kind[7 : kind.index(")") + 1], "(255)"),
            WIDER,
        )
        for name, kind in COLUMNS
    ),
    changed(
        "database",
        "table *",
        "InnoDB latin1_*",
        "InnoDB utf8mb3_*",
        "one character set for all servers",
    ),
    added(
        "database",
        "index transport.PRIMARY",
        "unique domain",
        "a primary key as in the other tables",
    ),
    left_out("database", "index transport.domain", "unique domain", "the primary key is as unique"),
    added("database", "account mail_reader@*", "a password", READER),
    added("database", "grants 'mail_reader'@* on mail", "SELECT", READER),
    added("database", "grants 'mail_reader'@* on all", "USAGE", READER),
    added("database", "account mail_admin@127.0.0.1", ANYTHING, BY_ADDRESS),
    added(
        "database",
        "grants 'mail_admin'@'127.0.0.1' on mail",
        "DELETE,INSERT,SELECT,UPDATE",
        BY_ADDRESS,
    ),
    added("database", "grants 'mail_admin'@'127.0.0.1' on all", "USAGE", BY_ADDRESS),
    changed(
        "database",
        "user sales@example.com",
        "13 characters",
        "SHA512-CRYPT",
        "DES looks at 8 characters",
    ),
)

FILES = (
    changed("accounts", "vmail", "*:/bin/bash", "*:/sbin/nologin", NO_LOGIN),
    left_out("files", "/home/vmail/.*", ANYTHING, NO_LOGIN),
    changed("files", "/home/vmail", "* 700 directory", "* 750 directory", "closed to others"),
    added("files", "/root/.mail_admin.cnf", "root:root 600 *", "its password is kept there"),
    added("files", "/root/.mail_reader.cnf", "root:root 600 *", "its password is kept there"),
    added("files", "/root/.my.cnf", "root:root 600 *", "the password of the database's root"),
    added("files", "/var/lib/mailfab", "root:root 700 directory", "what a rollback puts back"),
)

EXPECTED = (*PACKAGES, *MAIN_CF, *POSTFIX, *DOVECOT, *DATABASE, *FILES)
