"""The guide's own commands, in its order, as a person types them on a new CentOS 6.

`-y` is yum's yes: without a terminal it takes no key. What else asks is answered on standard input.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tests.e2e.guide_texts import (
    ADDRESS,
    ADMIN_PASSWORD,
    DOMAIN,
    DOVECOT_CONF,
    EHLO,
    GRANTS,
    MASTER,
    PARAMETERS,
    PASSWORD,
    QUERIES,
    ROOT_PASSWORD,
    ROWS,
    SQL_CONF,
    TABLES,
    USER,
)

REPOSITORIES = "/etc/yum.repos.d/CentOS-Base.repo"
MAILDIR = f"/home/vmail/{DOMAIN}/{USER}/Maildir"
DELIVERED = "/home/vmail/dovecot-deliver.log"

# Root has no password yet; then yes to everything.
SECURE = ("", "y", ROOT_PASSWORD, ROOT_PASSWORD, "y", "y", "y", "y")


@dataclass(frozen=True)
class Step:
    """A step of the guide: its chapter and number, the shell for it, and what that must show."""

    chapter: str
    number: str
    title: str
    script: str
    shows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.chapter} {self.number}: {self.title}"


def file(path: str, content: str) -> str:
    """Return the shell that writes a file."""
    return f"cat >{path} <<'END-OF-FILE'\n{content.rstrip()}\nEND-OF-FILE\n"


def below(pattern: str, line: str, path: str) -> str:
    """Return the shell that puts a line below those that match."""
    return f"sed -i '/{pattern}/a {line}' {path}; grep -n '^{line}$' {path}"


def session(sql: str) -> str:
    """Return the shell for a session of `mysql -u root -p`.

    The client takes all that is there already for the password, so the rest comes later.
    """
    answers = f"{{ echo {ROOT_PASSWORD}; sleep 1; cat <<'END-OF-SQL'\n{sql}END-OF-SQL\n}}"
    return f"{answers} | mysql -u root -p"


def telnet(port: str, *lines: str) -> str:
    """Return the shell for a session of telnet, which ends when the server closes it.

    Before the server has answered the last line telnet must not see the end of what is typed.
    """
    typed = "".join(f"sleep 0.5; echo {shlex.quote(line)}; " for line in lines)
    return f"{{ {typed}sleep 3; }} | telnet localhost {port} || :"


def lookup(number: str, name: str) -> Step:
    """Return the step that makes one of Postfix's four maps."""
    text = (
        f"user = mail_admin\npassword = {ADMIN_PASSWORD}\ndbname = mail\n"
        f"query = {QUERIES[name]}\nhosts = 127.0.0.1"
    )
    path = f"/etc/postfix/mysql-virtual_{name}.cf"
    return Step("postfix", number, f"map {name}", file(path, text))


def edits() -> str:
    """Return the guide's `postconf -e` commands."""
    return "".join(f"postconf -e {shlex.quote(line)}\n" for line in PARAMETERS.splitlines())


def arrived(folder: str) -> str:
    """Return the shell that waits for mail in a Maildir, fails without, and shows what is there."""
    return (
        f"for i in $(seq 100); do ls {folder}/new/* >/dev/null 2>&1 && break; sleep 0.1; done\n"
        f"cd {folder} && ls new/* >/dev/null && find"
    )


def logged(text: str, log: str) -> str:
    """Return the shell that waits for a line in a log, and fails without."""
    looks = f"for i in $(seq 100); do grep -qF '{text}' {log} && break; sleep 0.1; done"
    return f"{looks}\ngrep -F '{text}' {log}"


SECURED = "printf '%s\\n' " + shlex.join(SECURE) + " | mysql_secure_installation 2>&1"
ALIASES = (
    "sed -i '/^postmaster:/d; /^#*root:/d' /etc/aliases\n"
    f"printf 'postmaster: root\\nroot: postmaster@{DOMAIN}\\n' >>/etc/aliases"
)

STEPS = (
    # Without it only the server itself would reach what the guide sets up.
    Step(
        "not in the guide", "", "no firewall", "service iptables stop\nservice ip6tables stop", ()
    ),
    Step("packages", "1", "update", "yum -y update", ("Nothing to do",)),
    Step(
        "packages",
        "2",
        "exclude postfix",
        below(r"^name=CentOS-$releasever - \(Base\|Updates\)$", "exclude=postfix", REPOSITORIES),
    ),
    Step(
        "packages",
        "3",
        "install",
        "yum -y --enablerepo=centosplus install postfix\n"
        "yum -y install dovecot mysql-server dovecot-mysql\npostconf -m",
        ("centosplus", "Complete!", "mysql\n"),
    ),
    Step("mysql", "1", "start", "chkconfig mysqld on\nservice mysqld start", ("[  OK  ]",)),
    Step("mysql", "2", "secure", SECURED, ("All done!",)),
    Step("mysql", "3-4", "database", session("CREATE DATABASE mail;\nUSE mail;\nquit\n")),
    Step("mysql", "5", "account", session(f"{GRANTS}FLUSH PRIVILEGES;\nquit\n")),
    Step("mysql", "6-10", "tables", session(f"USE mail;\n{TABLES}quit\n")),
    Step("mysql", "11", "bind", below(r"^\[mysqld\]$", "bind-address=127.0.0.1", "/etc/my.cnf")),
    Step("mysql", "12", "restart", "service mysqld restart", ("[  OK  ]",)),
    lookup("1", "domains"),
    lookup("2", "forwardings"),
    lookup("3", "mailboxes"),
    lookup("4", "email2email"),
    Step(
        "postfix",
        "5",
        "permissions",
        "chmod o= /etc/postfix/mysql-virtual_*.cf\nchgrp postfix /etc/postfix/mysql-virtual_*.cf",
    ),
    Step(
        "postfix",
        "6",
        "vmail",
        "groupadd -g 5000 vmail\nuseradd -g vmail -u 5000 vmail -d /home/vmail -m",
    ),
    Step("postfix", "7", "parameters", edits()),
    Step("postfix", "8", "master.cf", f"cat >>/etc/postfix/master.cf <<'END'\n{MASTER}END\n"),
    Step("postfix", "9", "start", "chkconfig postfix on\nservice postfix start", ("[  OK  ]",)),
    Step(
        "dovecot",
        "1",
        "keep the old",
        "mv /etc/dovecot/dovecot.conf /etc/dovecot/dovecot.conf-backup",
    ),
    Step("dovecot", "2", "dovecot.conf", file("/etc/dovecot/dovecot.conf", DOVECOT_CONF)),
    Step("dovecot", "3", "sql", file("/etc/dovecot/dovecot-sql.conf.ext", SQL_CONF)),
    Step(
        "dovecot",
        "4",
        "permissions",
        "chgrp dovecot /etc/dovecot/dovecot-sql.conf.ext\n"
        "chmod o= /etc/dovecot/dovecot-sql.conf.ext",
    ),
    Step("dovecot", "5", "start", "chkconfig dovecot on\nservice dovecot start", ("[  OK  ]",)),
    Step(
        "dovecot",
        "6",
        "log",
        f"{logged('starting up', '/var/log/maillog')}\ncat /var/log/maillog",
        ("starting the Postfix mail system", "daemon started", "Dovecot v2.0.9", "starting up"),
    ),
    Step("dovecot", "7a", "telnet", "yum -y install telnet", ("Complete!",)),
    Step("dovecot", "7b-9", "pop3", telnet("pop3", "quit"), ("Escape", "+OK Dovecot ready.")),
    Step("aliases", "1", "aliases", ALIASES),
    Step("aliases", "2", "newaliases", "newaliases\nservice postfix restart", ("[  OK  ]",)),
    Step("test", "1-4", "ehlo", telnet("25", "ehlo localhost", "quit"), tuple(EHLO.splitlines())),
    Step("users", "1-2", "rows", session(ROWS)),
    Step("users", "3", "mailx", f"yum -y install mailx\necho test | mailx {ADDRESS}"),
    Step("mailbox", "1-2", "find", arrived(MAILDIR), ("./cur", "./new/", "./tmp")),
    Step("users", "logs", "maillog", logged(f"to=<{ADDRESS}>, relay=dovecot", "/var/log/maillog")),
    Step("users", "logs", "dovecot", logged("saved mail to INBOX", DELIVERED)),
    Step(
        "mailbox",
        "3-4",
        "mutt",
        # No, it need not make root a mailbox; then quit.
        f"yum -y install mutt >/dev/null\ncd {MAILDIR}\n"
        "{ sleep 1; printf n; sleep 1; printf q; sleep 1; } |"
        " TERM=vt100 timeout 20 script -qc 'mutt -f .' /dev/null",
        ("Msgs:1", "root"),
    ),
    Step(
        "mailbox",
        "client",
        "pop3",
        telnet("pop3", f"user {ADDRESS}", f"pass {PASSWORD}", "stat", "quit"),
        ("+OK Logged in.", "+OK 1 "),
    ),
    Step(
        "mailbox",
        "client",
        "imap",
        telnet("imap", f"a login {ADDRESS} {PASSWORD}", "b select INBOX", "c logout"),
        ("a OK", "* 1 EXISTS", "c OK"),
    ),
)
