"""What mailfab says of values that it cannot use: never the value, where it may be a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fabfile.model import inventory
from fabfile.model.errors import InventoryError
from fabfile.model.host import Host
from fabfile.model.redact import REDACTED, redact
from fabfile.resources.sql.client import native_hash
from tasks.accounts.hashes import hashed
from tasks.guide import GUIDE
from tests.tally import TIMES, tried

SECRET = "zK4secret7Qw"
# Text that may stand around a password in a typed line.
AROUND = st.text(st.sampled_from("\"' =:;#[]{}\\\tab1"), max_size=6)
LINES = (
    "m db_password={0}",
    "m {0}",
    "[g]\nm\n[g:vars]\ndb_password{0}",
    "[g:vars]\n{0}",
    "[g:children]\ndb_password={0}",
    "[g]\ndb_password={0}",
)


@settings(max_examples=TIMES * 5, deadline=None)
@given(st.sampled_from(LINES), AROUND, AROUND)
def test_an_inventory_that_cannot_be_read(line: str, before: str, after: str) -> None:
    tried("inventories with a password in a line that is wrong")
    try:
        found = inventory.parse(line.format(before + SECRET + after), Path("inventory.ini"))
    except InventoryError as error:
        assert SECRET not in str(error)
        return
    # Read, with the password as a value: then no message shows it as a name.
    if any("db_password" in found.variables(host) for host in found.hosts):
        assert SECRET not in found.suggestions("nowhere")


@settings(max_examples=TIMES * 5, deadline=None)
@given(st.sampled_from(sorted(GUIDE.table.secrets)), st.text(max_size=5), st.text(max_size=5))
def test_a_password_that_cannot_be_used(name: str, before: str, after: str) -> None:
    tried("passwords for the database, good and bad")
    given_value = before + SECRET + after
    # Otherwise it names the place of a password.
    assume(not given_value.startswith(("env:", "file:", "cmd:")))
    host = Host.from_inventory("m", {"fqdn": "m.example.com", name: given_value})
    try:
        assert GUIDE.validate(host).secrets[name].reveal() == given_value
    except InventoryError as error:
        assert name in str(error)
        assert SECRET not in str(error)
    assert SECRET not in repr(GUIDE.validate(Host("m", {"fqdn": "m.example.com"})))


@pytest.mark.parametrize(
    "text",
    [
        f"password = {SECRET}",
        f"connect = host=localhost password={SECRET} ssl_ca=/x",
        f'password="{SECRET} with spaces"',
        f"near '{native_hash(SECRET)}' at line 1",
        f'near \'INSERT INTO users VALUES ("a@b.c", "{hashed(SECRET)}")\'',
    ],
)
def test_unregistered_secret_is_redacted(text: str) -> None:
    tried("lines of programs that hold a password or a hash")
    hidden = redact(text, ())
    assert REDACTED in hidden
    for secret in (SECRET, native_hash(SECRET)[:20], "$6$"):
        assert secret not in hidden
