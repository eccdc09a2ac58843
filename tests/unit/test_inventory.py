"""The inventory gives the same hosts, groups and variables as in Ansible."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabfile.model import inventory
from fabfile.model.errors import InventoryError
from fabfile.model.inventory import pattern

FILE = Path("inventory.ini")
TEXT = """
# a comment
lonely ansible_host=198.51.100.1
[mail]
mail[01:03] ansible_user=admin   # after the host
special:2222 note='two words'
[db]
db-[a:b]
[all:vars]
level=all
colour = blue
[mail:vars]
level=mail
[servers:children]
mail
db
[servers:vars]
level=servers
owner=everyone
"""


def read(text: str = TEXT) -> inventory.Inventory:
    return inventory.parse(text, FILE)


def test_group_has_its_hosts_and_those_of_its_children() -> None:
    found = read()
    assert found.members("mail") == ["mail01", "mail02", "mail03", "special"]
    assert found.members("servers") == [*found.members("mail"), "db-a", "db-b"]
    assert found.members("all") == ["lonely", *found.members("servers")]


def test_variable_nearest_to_the_host_wins() -> None:
    found = read()
    assert found.variables("lonely") == {
        "level": "all",
        "colour": "blue",
        "ansible_host": "198.51.100.1",
    }
    assert found.variables("mail02") == {
        "level": "mail",
        "colour": "blue",
        "owner": "everyone",
        "ansible_user": "admin",
    }
    assert found.variables("db-a")["level"] == "servers"
    assert found.variables("special")["ansible_port"] == "2222"
    assert found.variables("special")["note"] == "two words"


def test_selection_keeps_order_and_has_each_host_once() -> None:
    assert read().select(["db-b", "mail", "mail02", "stranger"]) == [
        "db-b",
        "mail01",
        "mail02",
        "mail03",
        "special",
        "stranger",
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("m[8:11]", ["m8", "m9", "m10", "m11"]),
        ("m[08:10]", ["m08", "m09", "m10"]),
        ("m[1:5:2].x", ["m1.x", "m3.x", "m5.x"]),
        ("[a:b][1:2]", ["a1", "a2", "b1", "b2"]),
        ("x[:2]", ["x0", "x1", "x2"]),
        ("m[5:1]", []),
    ],
)
def test_range_expands_to_host_names(text: str, names: list[str]) -> None:
    assert list(pattern.expand(text)) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mail:host]\nx", "line 1: .*is not a kind of section"),
        ("[ mail ]\nx", "line 1: is not the heading of a section"),
        ("[mail]\nx y", "line 2: expected a setting"),
        ("[mail]\nx y='z", "line 2: No closing quotation"),
        ("[mail:vars]\nnonsense", "line 2: expected a setting"),
        ("[mail:children]\nx=y", "line 2: expected a name, found a setting"),
        ("m[1:99999]", "a range has 99999 hosts; at most 65536"),
        ("m[0:999][0:999][0:999]", "has 1000000000 hosts; at most"),
        ("m[1:3:0]", "is neither one of numbers nor one of letters"),
        ("m[1:]", "has no end"),
        ("m[08:9]", "needs as many digits"),
        ("m:", "ends with a colon"),
        ("[mail:vars]\nx=1", r"line 1: \[mail:vars\] needs the group 'mail', which does not exist"),
        ("[x:children]\nmail", "line 2: .x:children. needs the group 'mail'"),
        ("m[1", "brackets without a range"),
        ("m[a:9]", "is neither one of numbers"),
        ("[a:children]\nb\n[b:children]\na", "contains itself: a > b > a"),
    ],
)
def test_invalid_line_raises_error_with_its_number(text: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message):
        read(text)


def test_empty_group_is_refused_and_misspelt_name_gets_a_suggestion() -> None:
    found = read("[empty]\n[mail]\nmail1")
    with pytest.raises(InventoryError, match="group 'empty' has no hosts"):
        found.select(["empty"])
    assert found.suggestions("mial1") == "did you mean mail1 or mail?"


def test_missing_or_unreadable_named_file_raises_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILFAB_INVENTORY", str(tmp_path / "none.ini"))
    with pytest.raises(InventoryError, match=r"no inventory at .*none.ini"):
        inventory.load()
    (tmp_path / "none.ini").write_bytes(b"\xff\xfe")
    with pytest.raises(InventoryError, match="cannot be read"):
        inventory.load()
