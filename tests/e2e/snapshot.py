"""A snapshot of a mail server: its packages and its configuration, as values to compare.

One script asks everything, with the system's own tools and none of mailfab's parsers.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterable

from tests.e2e.conftest import SandboxHost
from tests.e2e.guide_texts import ROOT_PASSWORD

Facts = dict[str, str]
Snapshot = dict[str, Facts]
"""For each aspect of a server, a name and a value of all that there is."""

SQL = """\
SELECT CONCAT('database ', schema_name), 'is there' FROM information_schema.schemata;
SELECT CONCAT('table ', table_name), CONCAT_WS(' ', engine, table_collation)
    FROM information_schema.tables WHERE table_schema = 'mail';
SELECT CONCAT('column ', table_name, '.', column_name), CONCAT_WS(' ', column_type,
    IF(is_nullable = 'NO', 'not null', 'null'), CONCAT('default ', column_default), extra)
    FROM information_schema.columns WHERE table_schema = 'mail';
SELECT CONCAT('index ', table_name, '.', index_name), CONCAT(IF(non_unique, '', 'unique '),
    GROUP_CONCAT(column_name ORDER BY seq_in_index)) FROM information_schema.statistics
    WHERE table_schema = 'mail' GROUP BY table_name, index_name, non_unique;
SELECT CONCAT('account ', user, '@', host),
    IF(password = '', 'no password', IF(user = 'mail_admin', password, 'a password'))
    FROM mysql.user;
SELECT CONCAT('grants ', grantee, ' on ', table_schema),
    GROUP_CONCAT(privilege_type ORDER BY privilege_type)
    FROM information_schema.schema_privileges GROUP BY grantee, table_schema;
SELECT CONCAT('grants ', grantee, ' on all'),
    GROUP_CONCAT(privilege_type ORDER BY privilege_type)
    FROM information_schema.user_privileges GROUP BY grantee;
SELECT CONCAT('domain ', domain), 'is there' FROM mail.domains;
SELECT CONCAT('user ', email), IF(password LIKE '$6$%', 'SHA512-CRYPT',
    CONCAT(LENGTH(password), ' characters')) FROM mail.users;
SELECT CONCAT('forwarding ', source), destination FROM mail.forwardings;
SELECT CONCAT('transport ', domain), transport FROM mail.transport;
"""

QUESTIONS = {
    "packages": r"rpm -qa --qf '%{NAME}=%{EPOCH}:%{VERSION}-%{RELEASE}.%{ARCH}\n'",
    "origin of packages": "yum -q list installed | awk 'NF == 3 { print $1 \"=\" $3 }'",
    "CentOS-Base.repo": "cat /etc/yum.repos.d/CentOS-Base.repo",
    "services": (
        "chkconfig --list\n"
        'for s in mysqld postfix dovecot; do service $s status >/dev/null; echo "$s: $?"; done'
    ),
    "listening": "ss -ltn | awk 'NR > 1 { print $4 \"=listens\" }'",
    "my.cnf": "cat /etc/my.cnf",
    "main.cf": "cat /etc/postfix/main.cf",
    "master.cf": "cat /etc/postfix/master.cf",
    "maps of Postfix": "cd /etc/postfix && grep -H = mysql-*.cf",
    "Dovecot": "doveconf -n 2>/dev/null",
    "lookups": (
        "for q in example.com:domains info@example.com:forwardings"
        " sales@example.com:mailboxes sales@example.com:email2email nobody@example.com:mailboxes\n"
        'do echo "$q=$(postmap -q ${q%:*} mysql:/etc/postfix/mysql-virtual_${q#*:}.cf 2>&1)"; done'
    ),
    "SQL of Dovecot": "cat /etc/dovecot/dovecot-sql.conf.ext",
    "aliases": "cat /etc/aliases",
    "alias database": "postmap -s hash:/etc/aliases | grep -v '^[@Y]'",
    "accounts": (
        "for u in vmail postfix dovecot mysql; do getent passwd $u; done | sed 's/:/=/'\n"
        "id -nG vmail | sed 's/^/groups of vmail=/'"
    ),
    "certificate": (
        "cd /etc/pki/dovecot && openssl x509 -in certs/dovecot.pem -noout -subject\n"
        'echo years=$((($(date -d "$(openssl x509 -in certs/dovecot.pem -noout -enddate |'
        ' sed s/.*=//)" +%s) - $(date +%s)) / 86400 / 364))\n'
        "a=$(openssl x509 -in certs/dovecot.pem -noout -pubkey); "
        'b=$(openssl pkey -in private/dovecot.pem -pubout); [ "$a" = "$b" ] && echo key=fits'
    ),
    "database": (
        "if [ -f /root/.my.cnf ]; then mysql=mysql;"
        f" else mysql='mysql -u root -p{ROOT_PASSWORD}'; fi\n"
        f"$mysql -N <<'END-OF-SQL' | tr '\\t' '='\n{SQL}END-OF-SQL\n"
    ),
    "files": (
        "{ find /etc/postfix /etc/dovecot /etc/pki/dovecot /etc/yum.repos.d /etc/my.cnf*"
        " /etc/aliases* /var/spool/postfix/private/auth /var/run/dovecot/auth-master\n"
        "find /root /var/lib/mailfab -maxdepth 0\n"
        "find /root -maxdepth 1 -name '*.cnf'\n"
        "find /home/vmail -maxdepth 2 -type d; find /home/vmail -maxdepth 1 -type f\n"
        "find /home/vmail/example.com/sales/* -type d; } 2>/dev/null |"
        " xargs stat -c '%n=%U:%G %a %F'"
    ),
}


def pairs(lines: Iterable[str]) -> Facts:
    """Return what lines like `name = value` say."""
    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name.strip()] = " ".join(value.split())
    return found


def sections(lines: Iterable[str]) -> Facts:
    """Return the options of a file with `[section]` lines."""
    parser = configparser.RawConfigParser(allow_no_value=True, strict=False)
    parser.read_string("\n".join(lines))
    return {f"[{s}] {k}": v or "" for s in parser.sections() for k, v in parser.items(s)}


def postfix(lines: Iterable[str]) -> list[str]:
    """Return the logical lines of a Postfix file: those that begin with a space go on."""
    text = "\n".join(line for line in lines if line.strip() and not line.startswith("#"))
    return re.sub(r"\n[ \t]+", " ", text).splitlines()


def master(lines: Iterable[str]) -> Facts:
    """Return the services of master.cf."""
    words = [line.split() for line in postfix(lines)]
    return {f"{word[0]} {word[1]}": " ".join(word[2:]) for word in words}


def maps(lines: Iterable[str]) -> Facts:
    """Return the settings of several files, without their passwords."""
    hidden = (re.sub(r":password =.*", ":password = (hidden)", line) for line in lines)
    return pairs(line.replace(":", " ", 1) for line in hidden)


def dovecot(lines: Iterable[str]) -> Facts:
    """Return Dovecot's settings, each with the blocks that it is in."""
    found: Facts = {}
    blocks: list[str] = []
    for line in map(str.strip, lines):
        if line.endswith("{"):
            blocks.append(line.removesuffix("{").strip())
        elif line == "}":
            blocks.pop()
        else:
            found |= pairs([f"{' / '.join([*blocks, ''])}{line}"])
    return found


def login(lines: Iterable[str]) -> Facts:
    """Return the settings of dovecot-sql.conf.ext, without its password."""
    return pairs(re.sub(r"\b(password)=\S+", r"\1=(hidden)", line) for line in lines)


def aliases(lines: Iterable[str]) -> Facts:
    """Return the aliases of a file or of the database made from it."""
    return pairs(re.sub(r"[:\t]+", "=", line.replace(" ", ""), count=1) for line in lines)


def services(lines: Iterable[str]) -> Facts:
    """Return the runlevels that services start in, and the status of some."""
    found = {}
    for line in lines:
        name, _, levels = line.partition("\t")
        if levels:
            found[f"runlevels of {name.strip()}"] = levels.replace("\t", " ")
        else:
            found |= pairs([f"status of {line.replace(':', ' =')}"])
    return found


PARSERS: dict[str, Callable[[Iterable[str]], Facts]] = {
    "CentOS-Base.repo": sections,
    "services": services,
    "my.cnf": sections,
    "main.cf": lambda lines: pairs(postfix(lines)),
    "master.cf": master,
    "maps of Postfix": maps,
    "Dovecot": dovecot,
    "SQL of Dovecot": login,
    "aliases": aliases,
    "alias database": aliases,
}


def snapshot(box: SandboxHost) -> Snapshot:
    """Return the snapshot of a server; none of its parts is empty."""
    script = "".join(f"echo '@{name}'\n({ask})\n" for name, ask in QUESTIONS.items())
    found: dict[str, list[str]] = {}
    for line in box.sh(script).splitlines():
        if line.startswith("@") and line[1:] in QUESTIONS:
            lines = found[line[1:]] = []
        else:
            lines.append(line)
    drawn = {name: PARSERS.get(name, pairs)(lines) for name, lines in found.items()}
    assert all(drawn.values()), [name for name, facts in drawn.items() if not facts]
    return drawn
