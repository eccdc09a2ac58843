"""The state of a server as values to compare: files, packages, services, database.

What was made on that server alone (passwords, keys) stands there under a name, so that two servers
compare; the passwords themselves are compared before a fault and after it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import SandboxHost
from tests.fault_injection.injection_points import inside

State = dict[str, str]

FOLDERS = ("/etc", "/root", "/home/vmail", "/var/lib/mailfab", "/var/spool/postfix/private")
# A server's own, or written by the system whenever it likes.
LEFT_OUT = re.compile(
    r"/etc/(mtab|resolv\.conf|machine-id|host(name|s)|ld\.so\.cache|\.updated|\.pwd\.lock"
    r"|(passwd|group|shadow|gshadow|subuid|subgid)-|ssh/.*|adjtime|sysconfig/network|apt/.*|rpm/.*|blkid.*"
    r"|ssl/certs/[0-9a-f]{8}\.\d)"
    r"|/root/\.(ssh.*|bash_history|mysql_history|mariadb_history)"
    r"|/home/vmail/.+|/var/lib/mailfab/(runs/.*|(run|lock)\.holder)"
)
MADE_HERE = re.compile(
    r".*(mailfab.*\.(pem|key)|mailfab/certificates|dovecot/(certs|private)/dovecot\.pem"
    r"|snakeoil.*|aliases\.db)"
)
PASSWORDS = {
    "@ADMIN@": "/root/.mail_admin.cnf",
    "@READER@": "/root/.mail_reader.cnf",
    "@ROOT@": "/root/.my.cnf",
}
# What a run leaves in its folder; everything else there is a half-made thing.
OF_A_RUN = re.compile(r"about|log|replaced|section|sql\.said|service\.out|(kept|absent)(/.*)?")
HALF_MADE = re.compile(r".*(\.partial|\.mailfab-(new|back).*|\.dpkg-(new|tmp|old)|\.rpmnew)")

# Files of Debian's own packages, which nothing of ours reads: their scripts write them in place, so
# that a disk that is full leaves them empty, and ucf(1) takes that for the administrator's wish.
NOT_OURS = {"full": re.compile(r"file /etc/(dovecot/conf\.d/\S*|mysql/debian\.cnf)")}

SQL = """\
SELECT CONCAT('schema ', SCHEMA_NAME), DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA;
SELECT CONCAT_WS(' ', 'table', TABLE_NAME), CONCAT_WS(' ', ENGINE, TABLE_COLLATION)
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mail';
SELECT CONCAT_WS(' ', 'column', TABLE_NAME, COLUMN_NAME),
    CONCAT_WS(' ', COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT)
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mail';
SELECT CONCAT_WS(' ', 'index', TABLE_NAME, INDEX_NAME, COLUMN_NAME), NON_UNIQUE
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'mail';
SELECT CONCAT('account ', User, '@', Host), CONCAT_WS(' ', plugin, Password, ssl_type)
    FROM mysql.user;
SELECT CONCAT_WS(' ', 'grants', GRANTEE, TABLE_SCHEMA), GROUP_CONCAT(PRIVILEGE_TYPE
    ORDER BY PRIVILEGE_TYPE) FROM information_schema.SCHEMA_PRIVILEGES GROUP BY 1;
SELECT CONCAT_WS(' ', 'grants', GRANTEE, 'on all'), GROUP_CONCAT(PRIVILEGE_TYPE
    ORDER BY PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES GROUP BY 1;
SELECT 'users', GROUP_CONCAT(email) FROM mail.users;
"""

ASK = f"""\
PATH=/usr/sbin:/usr/bin:/sbin:/bin
if command -v dpkg-query >/dev/null; then
    dpkg-query -W -f 'package ${{Package}}\\t${{db:Status-Abbrev}} ${{Version}}\\n'
    apt-mark showauto | sed 's/^/auto /; s/$/\\tyes/'
    systemctl list-unit-files --no-legend | awk '{{ print "unit " $1 "\\t" $2 }}'
    systemctl list-units --failed --plain --no-legend | awk '{{ print "failed " $1 "\\t" $3 }}'
    for s in mariadb postfix postfix@- dovecot; do
        printf 'runs %s\\t%s\\n' $s "$(systemctl is-active $s)"
    done
    : ${{client:=mariadb}}
else
    rpm -qa --qf 'package %{{NAME}}\\t%{{VERSION}}-%{{RELEASE}}\\n'
    chkconfig --list | sed 's/[ \\t]\\{{1,\\}}/ /g; s/^/service /; s/ 0:/\\t0:/'
    for s in mysqld postfix dovecot; do
        service $s status >/dev/null 2>&1; printf 'runs %s\\t%s\\n' $s $?
    done
    client=mysql
fi
postmap -s hash:/etc/aliases | grep -v '^[@Y]' | sed 's/^/alias /'
$client -N -r <<'END'
{SQL}END
"""


def passwords(box: SandboxHost) -> State:
    """Return the passwords that the server's own files hold, by the name that stands for each."""
    found = {}
    for name, path in PASSWORDS.items():
        file = inside(box, path)
        if file.exists() and (
            line := re.search(r'(?m)^password *= *"?([^"\s]+)', file.read_text())
        ):
            found[name] = line[1]
    return found


def hashed(password: str) -> str:
    """Return what the database stores of a password."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def names(file: Path) -> dict[int, str]:
    """Return the names of a passwd or group file, by number."""
    rows = [line.split(":") for line in file.read_text().splitlines()]
    return {int(row[2]): row[0] for row in rows if len(row) > 2}


def accounts(text: str) -> str:
    """Return passwd, group or shadow without what depends on the order of packages and the day."""
    rows = []
    for line in text.splitlines():
        fields = line.split(":")
        fields = ["#" if re.fullmatch(r"[1-9]\d\d|\d{5}", field) else field for field in fields]
        rows.append(":".join(fields))
    return "\n".join(sorted(rows))


def files(box: SandboxHost) -> Iterator[tuple[str, str]]:
    """Yield each file with its kind, owner, mode and content."""
    users, groups = (names(inside(box, f"/etc/{n}")) for n in ("passwd", "group"))
    made = {value.encode(): name.encode() for name, value in passwords(box).items()}
    top = str(inside(box, ""))
    for folder in FOLDERS:
        for place, directories, plain in os.walk(inside(box, folder)):
            for name in sorted([*directories, *plain]):
                real = Path(place) / name
                path = str(real).removeprefix(top)
                if LEFT_OUT.fullmatch(path):
                    continue
                status = real.lstat()
                what = f"{users.get(status.st_uid)}:{groups.get(status.st_gid)} {status.st_mode:o}"
                if real.is_symlink():
                    what += f" -> {real.readlink()}"
                elif real.is_file() and not MADE_HERE.fullmatch(path):
                    content = real.read_bytes()
                    for value, stands in made.items():
                        content = content.replace(value, stands)
                    if path == "/etc/postfix/main.cf":
                        # postconf(1) adds several parameters in an order that is never the same.
                        content = b"\n".join(sorted(content.splitlines()))
                    if re.fullmatch(r"/etc/(passwd|group|g?shadow)", path):
                        content = accounts(content.decode()).encode()
                    what += f" {hashlib.sha256(content).hexdigest()[:16]}"
                yield f"file {path}", what


def state(box: SandboxHost) -> State:
    """Return the whole state."""
    made = {hashed(value): name for name, value in passwords(box).items()}
    found = dict(files(box))
    for line in box.sh(ASK).splitlines():
        name, _, value = line.partition("\t")
        for password, stands in made.items():
            value = value.replace(password, stands)
        found[name] = value
    return found


def leftovers(box: SandboxHost) -> Iterator[str]:
    """Yield what a run has left behind half-made."""
    top = str(inside(box, ""))
    for folder in FOLDERS:
        for place, directories, plain in os.walk(inside(box, folder)):
            for name in [*directories, *plain]:
                path = str(Path(place) / name).removeprefix(top)
                _, runs, rest = path.partition("/var/lib/mailfab/runs/")
                of_run = rest.partition("/")[2] if runs else ""
                if (
                    HALF_MADE.fullmatch(path)
                    or path.startswith("/var/lib/mailfab/pending/")
                    or (of_run and not OF_A_RUN.fullmatch(of_run))
                ):
                    yield path


def differences(wanted: State, found: State, kind: str) -> Iterator[str]:
    """Yield what is not the same after this kind of fault."""
    excused = NOT_OURS.get(kind)
    for name in sorted(wanted.keys() | found.keys()):
        if excused and excused.fullmatch(name):
            continue
        if wanted.get(name) != found.get(name):
            yield f"{name}: {found.get(name, 'absent')}, not {wanted.get(name, 'absent')}"
