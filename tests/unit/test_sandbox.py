"""The sandbox's state directory when several servers are created at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fabfile.sandbox import keys, network, state


def test_the_state_directory_is_open_to_its_owner_alone_also_one_made_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "old", tmp_path / "new" / "folder"):
        monkeypatch.setenv("MAILFAB_SANDBOX_DIR", str(folder))
        if folder.name == "old":
            folder.mkdir(mode=0o755)
        state.make_directory()
        assert folder.stat().st_mode & 0o777 == 0o700


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
