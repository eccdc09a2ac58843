"""The sandbox's state directory when several servers are created at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fabfile.sandbox import keys, network, state


def test_servers_created_at_once_are_all_in_known_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILFAB_SANDBOX_DIR", str(tmp_path))

    def make(number: int) -> str:
        name = f"mail{number}"
        state.write(state.host(name) / f"{keys.HOST_KEY}.pub", f"ssh-ed25519 key{number} root\n")
        keys.update_known_hosts()
        return network.loopback(state.number(name))

    # A server without a key must not remove the others.
    state.host("mail50").mkdir(parents=True)
    with ThreadPoolExecutor(8) as pool:
        addresses = list(pool.map(make, range(1, 41)))
    known = (tmp_path / "known_hosts").read_text().splitlines()
    assert {line.split(",")[0] for line in known} == {*addresses}
