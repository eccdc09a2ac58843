"""The running Ansible that the tests ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ansible.authority import Ansible, ansible


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ansible]:
    """Return Ansible."""
    with ansible(tmp_path_factory.mktemp("ansible")) as running:
        yield running
