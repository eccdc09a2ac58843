"""From CentOS 6 to a new server, as docs/upgrade.md has it: accounts and mail come along."""

from __future__ import annotations

import poplib
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import CENTOS6, SYSTEMS
from tests.e2e.test_upgrade import trusting

pytestmark = only(CENTOS6, because="it goes from CentOS 6 to Debian 13")

TABLES = "mail domains users forwardings transport"


@pytest.fixture
def old(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    yield from deployed(server, "old", "el6", tmp_path_factory)


@pytest.fixture
def new(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    yield from deployed(server, "new", "debian13", tmp_path_factory)


def deployed(
    server: SandboxHost, name: str, image: str, folders: pytest.TempPathFactory
) -> Iterator[SandboxHost]:
    box = new_box(f"{server.name}-{name}", SYSTEMS[image], folders.mktemp(name))
    box.be_bare()
    box.fab("deploy")
    yield box
    box.server.down()


def unique_ids(box: SandboxHost, user: str, password: str) -> list[bytes]:
    pop = poplib.POP3_SSL(box.server.address, box.server.port(995), context=trusting())
    pop.user(user)
    pop.pass_(password)
    found = list(pop.uidl()[1])
    pop.quit()
    return found


def test_accounts_and_mail_come_along(old: SandboxHost, new: SandboxHost) -> None:
    old.fab("domain.add", "example.com")
    old.fab("user.add", "sales@example.com", "--password-stdin", stdin="pw-sales\n")
    old.fab("forwarding.add", "info@example.com", "sales@example.com")
    for address in ("sales", "info"):
        old.sh(f"printf 'Subject: x\\n\\nx\\n' | sendmail {address}@example.com")
    mail = "/home/vmail/example.com/sales/Maildir"
    old.sh(f"until [ $(find {mail} -type f -path '*/new/*' | wc -l) = 2 ]; do sleep 0.3; done")
    before = unique_ids(old, "sales@example.com", "pw-sales")
    assert len(before) == 2

    old.sh("service postfix stop; service dovecot stop")
    dump = old.sh(f"mysqldump --no-create-info --complete-insert --replace {TABLES}")
    new.sh(f"mariadb mail <<'END'\n{dump}\nEND")
    packed = old.sh("tar -C /home/vmail -cf - . | base64 -w0")
    new.sh(f"base64 -d <<'END' | tar -C /home/vmail -xpf -\n{packed}\nEND")
    new.sh("chown -R vmail:vmail /home/vmail")

    assert new.fab("deploy").stdout == f"{new.name}: 0 changed, 0 failed\n"
    assert new.fab("verify").stdout.endswith(" passed, 0 failed\n")
    assert unique_ids(new, "sales@example.com", "pw-sales") == before
    assert "info@example.com" in new.fab("forwarding.list").stdout
