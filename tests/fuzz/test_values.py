"""Values full of quotes, line breaks and brackets: each arrives exactly as given, or is refused.

Refused means: by a message that names the variable, before anything is touched. Many values go
through one shell, since to start one is what takes the time.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabfile.engine.survey import questions
from fabfile.fleet.targets import resolve
from fabfile.model import inventory, shell
from fabfile.model.errors import InventoryError, MailfabError, UsageError
from fabfile.model.host import Host, Platform
from fabfile.model.inventory.values import Value
from fabfile.model.redact import SecretValue
from fabfile.resources.file import File
from fabfile.resources.ini import IniOption
from fabfile.resources.sql.client import string
from fabfile.resources.template import render
from tasks.accounts.addresses import domain_of_ours, mail_address
from tasks.accounts.prompt import LONGEST, _usable
from tasks.guide import GUIDE
from tasks.resources.alias import Alias
from tests.fuzz.awkward_values import AWKWARD, around
from tests.scratch import PLACES, SHELLS, Scratch
from tests.tally import TIMES, noted, tried

GOOD = {
    "fqdn": "mail1.example.com",
    "domain": "example.com",
    "postmaster": "Post.Master+x@example.com",
    "vault_url": "http://mirror.example.com/6.10",
    "db_host": "db.example.com",
    "db_clients": "a.example.com, 192.0.2.1 2001:db8::1",
    "tls_cert": "/etc/ssl/some-cert.pem",
    "tls_key": "/etc/ssl/some.key",
    "mynetworks": "127.0.0.0/8, [::1]/128 2001:db8::/32",
    "message_size_limit": "1000000",
    "package_lock_timeout": "300",
    "db_password": "aB3!&()*+,./:<=>?@[]^_|~-",
    "db_lookup_password": "x!y&z",
}
FEW = settings(max_examples=max(4, TIMES // 20), deadline=None)
ONCE = settings(max_examples=max(1, TIMES // 100), deadline=None)
MANY = settings(max_examples=TIMES * 4, deadline=None)


@MANY
@given(st.data())
def test_a_variable_is_right_or_refused_by_name(data: st.DataObject) -> None:
    names = [variable.name for variable in GUIDE.table.variables] + sorted(GUIDE.table.secrets)
    name = data.draw(st.sampled_from(names))
    good = GOOD.get(name, "yes")
    value = data.draw(st.just(good) | around(good) | AWKWARD)
    tried("values for variables of the inventory")
    variables = {"fqdn": "mail1.example.com", name: value}
    if name.startswith("tls_"):
        variables = {"tls_cert": "/x", "tls_key": "/x", **variables}
    try:
        host = GUIDE.validate(Host.from_inventory("m", variables))
    except InventoryError as error:
        # Nothing is missing but what cannot be there: the problem is this variable's.
        assert name in str(error)
        return
    noted("variables taken")
    secret = host.secrets.get(name)
    found = secret.reveal() if secret else host[name]
    harmless(found.replace("%", "") if name == "vault_url" else found)
    if name in GUIDE.table.secrets:
        assert found == value
    # Every section takes it, on every platform, and the whole fits into a command line.
    shell.pack_command(
        " ".join(str(key) for key in questions(GUIDE, GUIDE.sections, host).values())
    )
    for platform in GUIDE.platforms:
        others = {secret: SecretValue(text) for secret, text in ALL.items()}
        full = host.surveyed(
            platform, {"db_root_password": SecretValue("x"), **others, **host.secrets}
        )
        for section in GUIDE.sections:
            for resource in section(full):
                resource.desired()
                resource.fix()


ALL = {"db_password": "x", "db_lookup_password": "y"}


def harmless(value: str) -> None:
    """The value has nothing that any of the files could take for something else."""
    assert re.fullmatch(r"[A-Za-z0-9 !&()*+,./:<=>?@\[\]^_|~-]*", value), value


@pytest.mark.parametrize("value", ["192.0.2.0/24", "::1", "2001:db8::/32", "10.0.0.0/255.0.0.0"])
def test_networks_are_written_as_postfix_reads_them(value: str) -> None:
    tried("networks in other spellings")
    found = GUIDE.validate(Host("m", {"fqdn": "m.example.com", "mynetworks": value}))["mynetworks"]
    assert re.fullmatch(r"\d+(\.\d+){3}/\d+|\[[0-9a-f:]+\]/\d+", found)


@MANY
@given(AWKWARD | around("Sales.x+y@Example.org"), AWKWARD | around("example.org"))
def test_an_address_or_a_domain_is_right_or_refused(address: str, domain: str) -> None:
    tried("addresses and domains for the account commands", 2)
    for function, value in ((mail_address, address), (domain_of_ours, domain)):
        try:
            found = function(value)
        except UsageError as error:
            assert "should be" in str(error)
        else:
            noted("addresses and domains taken")
            harmless(found if isinstance(found, str) else "".join(found))


@MANY
@given(AWKWARD)
def test_a_password_is_taken_as_it_is_or_refused(password: str) -> None:
    tried("passwords for accounts")
    try:
        assert _usable(password) == password
    except UsageError as error:
        assert password == "" or len(password) < 3 or password not in str(error)
    else:
        assert 0 < len(password.encode()) <= LONGEST
        assert not re.search(r"[\x00-\x1f\x7f]", password)


@MANY
@given(st.lists(AWKWARD, min_size=1, max_size=4).map("\n".join) | around("m fqdn=m.example.com"))
def test_an_inventory_is_read_or_refused(text: str) -> None:
    tried("inventories")
    try:
        found = inventory.parse(text, Path("inventory.ini"))
        targets = resolve(list(found.hosts), found, CONFIG) if found.hosts else []
    except MailfabError:
        return
    for target in targets:
        try:
            GUIDE.validate(target.host)
        except InventoryError as error:
            assert target.host.name in str(error)
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", target.host.name)


@MANY
@given(st.data())
def test_how_a_host_is_connected_to_is_taken_or_refused(data: st.DataObject) -> None:
    tried("values for variables of the connection")
    name = data.draw(
        st.sampled_from(
            ["host", "port", "user", "ssh_private_key_file", "ssh_common_args", "become"]
        )
    )
    value = data.draw(AWKWARD | around("-o ProxyJump=a@b:22 -J x"))
    found = inventory.Inventory(Path("i"), {"m": {f"ansible_{name}": Value(value, str, Path("i"))}})
    try:
        resolve(["m"], found, CONFIG)
    except MailfabError as error:
        assert str(error).startswith("m: ansible_")


class CONFIG:
    """The part of Fabric's configuration that tells nothing."""


@MANY
@given(AWKWARD)
def test_an_sql_string_is_whole_or_refused(value: str) -> None:
    tried("SQL strings")
    try:
        text = string(value)
    except UsageError:
        assert re.search(r"[\x00-\x1f\x7f\\]", value)
    else:
        assert text[0] == text[-1] == "'"
        assert text[1:-1].replace("''", "") == value.replace("'", "")


@pytest.mark.parametrize("name", SHELLS)
@FEW
@given(values=st.lists(AWKWARD, min_size=100, max_size=150))
def test_a_shell_word_arrives_as_it_is(name: str, values: list[str]) -> None:
    words = []
    for value in values:
        try:
            words.append((value, shell.quote(value)))
        except UsageError as error:
            assert "\0" in value
            assert "NUL" in str(error)
    tried(f"words for {name}", len(values))
    text = shell.script("", f"printf '%s\\0' {' '.join(word for _, word in words)}")
    run = subprocess.run(SHELLS[name], input=text.encode(), capture_output=True, check=True)
    assert run.stdout.decode().split("\0")[:-1] == ([value for value, _ in words] or [""])


@FEW
@given(values=st.lists(AWKWARD, min_size=20, max_size=40))
def test_a_template_holds_a_value_as_it_is(values: list[str]) -> None:
    tried("values for templates", len(values))
    for value in values:
        secrets = {"db_password": SecretValue(value)}
        host = Host("m").surveyed(Platform("debian", "12"), secrets)
        try:
            text = render("/root/.mail_admin.cnf", host)
        except InventoryError as error:
            assert any(ord(character) < 32 for character in value)
            assert "control character" in str(error)
        else:
            assert f'password="{value}"\n' in text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the scripts change owners")
@pytest.mark.parametrize("name", SHELLS)
@ONCE
@given(values=st.lists(AWKWARD.filter(lambda v: "\0" not in v), min_size=15, max_size=15))
def test_a_file_an_option_and_an_alias_arrive(
    name: str, values: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "etc").mkdir()
    scratch = Scratch(root, SHELLS[name])
    from fabfile.engine.apply import RUNTIME

    lines = ["work=/var/lib/mailfab/work run=/var/lib/mailfab/runs/1", "mkdir -p $work $run"]
    one_line = [" ".join(value.split()) for value in values]
    for number, value in enumerate(values):
        plain = re.sub(r"[^\w]", "", one_line[number], flags=re.ASCII) or "x"
        for resource in (
            File(f"/etc/file{number}", value),
            IniOption(f"/etc/ini{number}", "mysqld", "option", one_line[number]),
            Alias(f"{plain.lower()}{number}", one_line[number]),
        ):
            lines.append(f"( {resource.fix()}\n)")
    scratch.run_script(shell.script(RUNTIME, "\n".join(lines)))
    tried(f"files, options and aliases written by {name}", 3 * len(values))
    aliases = scratch.path("/etc/aliases").read_text()

    def here(text: str) -> str:
        """Return a text with its paths moved, as the scratch host does it with every script."""
        return PLACES.sub(rf"{root}/\1", text)

    for number, value in enumerate(values):
        assert scratch.path(f"/etc/file{number}").read_bytes() == here(value).encode()
        option = scratch.path(f"/etc/ini{number}").read_bytes().decode()
        assert option == f"[mysqld]\noption = {here(one_line[number])}\n"
        assert f"{number}: {here(one_line[number])}\n" in aliases
