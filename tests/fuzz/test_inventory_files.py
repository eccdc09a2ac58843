"""Broken inventories in YAML and INI are read or refused with their file, and never crash."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabfile.model import inventory
from fabfile.model.errors import InventoryError
from tests.tally import TIMES, tried

RECORDED = Path(__file__).parents[1] / "data" / "inventories"
TEXTS = sorted(path.read_bytes() for path in RECORDED.rglob("*") if path.is_file())
PIECES = [
    *(b"{ } [ ] : &a *a - | > ' \" \\ % @ ~ # = \t \n --- ... ? <<: : ".split(b" ")),
    *(b"!vault !unsafe !!set !!binary !!omap !!pairs !!timestamp !!float !!int !!bool".split()),
    *(b"null 0x 1:2:3 2026-13-45 .inf hosts: children: vars: plugin: [1:9] {{x}} \xff \xc2\x85"
      b" ansible_group_priority: !!python/object:x".split()),
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Return a recorded file with pieces put in, or put in the place of others."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, len(text)))
        end = begin + draw(st.integers(0, 5))
        text = text[:begin] + draw(st.sampled_from(PIECES) | st.binary(max_size=3)) + text[end:]
    return text


@settings(
    max_examples=TIMES * 4,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    text=broken(),
    variables=broken(),
    name=st.sampled_from(("hosts.yml", "hosts", "inventory.ini", "hosts.json")),
)
def test_broken_inventory_is_read_or_refused(
    text: bytes, variables: bytes, name: str, tmp_path: Path
) -> None:
    tried("broken inventories")
    for old in tmp_path.glob("hosts*"):
        old.unlink()
    (tmp_path / "group_vars").mkdir(exist_ok=True)
    (tmp_path / "group_vars" / "all.yml").write_bytes(variables)
    (tmp_path / name).write_bytes(text)
    try:
        found = inventory.load(tmp_path / name)
        for host in found.hosts:
            found.variables(host)
    except InventoryError as error:
        assert str(tmp_path) in str(error)
