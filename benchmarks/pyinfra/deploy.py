"""The guide's sections on Debian 12, as an experienced user of pyinfra would write them."""
# mypy: disable-error-code="import-not-found, no-untyped-call, unused-ignore"

from __future__ import annotations

from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.operations import apt, files, mysql, server, systemd

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

PACKAGES = [
    "postfix",
    "postfix-mysql",
    "dovecot-core",
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-mysql",
    "mariadb-server",
    "ca-certificates",
]

MAPS = {
    "domains": "SELECT domain AS virtual FROM domains WHERE domain='%s'",
    "forwardings": "SELECT destination FROM forwardings WHERE source='%s'",
    "mailboxes": (
        "SELECT CONCAT(SUBSTRING_INDEX(email,'@',-1),'/',SUBSTRING_INDEX(email,'@',1),'/') "
        "FROM users WHERE email='%s'"
    ),
    "email2email": "SELECT email FROM users WHERE email='%s'",
    "transports": "SELECT transport FROM transport WHERE domain='%s'",
}

ACCOUNTS = {
    "mail_admin": (host.data.db_password, ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    "mail_reader": (host.data.db_lookup_password, ["SELECT"]),
}

fqdn, postmaster = host.data.fqdn, host.data.postmaster

apt.packages(
    name="Install the packages",
    packages=PACKAGES,
    no_recommends=True,
    update=True,
    cache_time=86400,
)

bind = files.put(
    name="Bind the database to the loopback address",
    src=StringIO("[mysqld]\nbind-address = 127.0.0.1\n"),
    dest="/etc/mysql/mariadb.conf.d/60-mail.cnf",
    mode="644",
)
systemd.service(name="Restart the database", service="mariadb", restarted=True, _if=bind.did_change)
systemd.service(name="Run the database", service="mariadb", enabled=True)

for place in ("localhost", fqdn):
    mysql.user(
        name=f"Remove the anonymous account at {place}",
        user="",
        user_hostname=place,
        present=False,
    )
for place in ("%", fqdn):
    mysql.user(
        name=f"Remove root's remote account at {place}",
        user="root",
        user_hostname=place,
        present=False,
    )
mysql.database(name="Remove the test database", database="test", present=False)
mysql.database(name="Create the mail database", database="mail", charset="utf8")

schema = files.put(
    name="Upload the tables",
    src=str(TEMPLATES / "schema.sql"),
    dest="/root/mail-schema.sql",
    mode="600",
)
server.shell(
    name="Create the tables",
    commands=["mysql </root/mail-schema.sql"],
    _if=schema.did_change,
)

for account, (password, privileges) in ACCOUNTS.items():
    for place in ("localhost", "localhost.localdomain", "127.0.0.1"):
        mysql.user(
            name=f"Create {account}@{place}",
            user=account,
            user_hostname=place,
            password=password,
        )
        mysql.privileges(
            name=f"Grant {account}@{place} its rights",
            user=account,
            user_hostname=place,
            privileges=privileges,
            database="mail",
        )

files.template(
    name="Keep the administrator's login",
    src=str(TEMPLATES / "mail_admin.cnf.j2"),
    dest=host.data.admin_file,
    mode="600",
    db_password=host.data.db_password,
)

certificate = None
if not host.get_fact(File, path="/etc/ssl/certs/mailfab.pem"):
    certificate = server.shell(
        name="Make a self-signed certificate",
        commands=[
            "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 "
            f"-subj /CN={fqdn} -addext subjectAltName=DNS:{fqdn} "
            "-keyout /etc/ssl/private/mailfab.key -out /etc/ssl/certs/mailfab.pem"
        ],
    )

maps = [
    files.template(
        name=f"Write the map {map_name}",
        src=str(TEMPLATES / "mysql-virtual.cf.j2"),
        dest=f"/etc/postfix/mysql-virtual_{map_name}.cf",
        user="root",
        group="postfix",
        mode="640",
        map_query=query,
        db_lookup_password=host.data.db_lookup_password,
    )
    for map_name, query in MAPS.items()
]

server.group(name="Create the group vmail", group="vmail", gid=5000)
server.user(
    name="Create the user vmail",
    user="vmail",
    uid=5000,
    group="vmail",
    home="/home/vmail",
    shell="/usr/sbin/nologin",
    ensure_home=False,
)
files.directory(
    name="Create the mail directory",
    path="/home/vmail",
    user="vmail",
    group="vmail",
    mode="750",
)

main_cf = files.template(
    name="Write main.cf",
    src=str(TEMPLATES / "main.cf.j2"),
    dest="/etc/postfix/main.cf",
    mode="644",
    fqdn=fqdn,
)
master_cf = files.block(
    name="Add the services to master.cf",
    path="/etc/postfix/master.cf",
    content=(TEMPLATES / "master.cf.block").read_text(encoding="utf-8").rstrip("\n"),
)
systemd.service(name="Run Postfix", service="postfix", enabled=True)

if not host.get_fact(File, path="/etc/dovecot/dovecot.conf-backup"):
    server.shell(
        name="Back up the original dovecot.conf",
        commands=["cp -p /etc/dovecot/dovecot.conf /etc/dovecot/dovecot.conf-backup"],
    )
dovecot_sql = files.template(
    name="Write dovecot-sql.conf.ext",
    src=str(TEMPLATES / "dovecot-sql.conf.ext.j2"),
    dest="/etc/dovecot/dovecot-sql.conf.ext",
    user="root",
    group="dovecot",
    mode="640",
    db_lookup_password=host.data.db_lookup_password,
)
dovecot_conf = files.template(
    name="Write dovecot.conf",
    src=str(TEMPLATES / "dovecot.conf.j2"),
    dest="/etc/dovecot/dovecot.conf",
    mode="644",
    postmaster=postmaster,
)
systemd.service(name="Run Dovecot", service="dovecot", enabled=True)

aliases = [
    files.line(
        name=f"Send the mail of {alias} on",
        path="/etc/aliases",
        line=f"^{alias}:.*",
        replace=f"{alias}: {destination}",
    )
    for alias, destination in (("postmaster", "root"), ("root", postmaster))
]
server.shell(
    name="Rebuild the alias database",
    commands=["newaliases"],
    _if=[lambda: any(alias.did_change() for alias in aliases)],
)

made = [certificate] if certificate else []
systemd.service(
    name="Restart Postfix",
    service="postfix",
    restarted=True,
    _if=[lambda: any(o.did_change() for o in (*made, *maps, main_cf, master_cf))],
)
systemd.service(
    name="Reload Dovecot",
    service="dovecot",
    reloaded=True,
    _if=[lambda: any(o.did_change() for o in (*made, dovecot_sql, dovecot_conf))],
)
