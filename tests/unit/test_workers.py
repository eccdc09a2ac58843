"""Who does the jobs: what leaves this process, and what must not."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from fabric import Config

from fabfile.fleet.job import Call, Job
from fabfile.fleet.targets import resolve
from fabfile.fleet.workers import passwords, workers
from fabfile.model.errors import UsageError
from fabfile.model.inventory import parse
from fabfile.report.recorder import never

INVENTORY = """
[fleet]
open ansible_host=192.0.2.1 db_password=env:DB db_lookup_password=file:/run/secret
shut ansible_host=192.0.2.2 db_password=hunter2 ansible_become_pass=hunter3
far ansible_host=192.0.2.3 ansible_ssh_common_args='-o ProxyJump=me@gate:2200'
"""


def job(name: str, config: Config | None = None) -> Job:
    inventory = parse(INVENTORY, Path("inventory.ini"))
    (target,) = resolve([name], inventory, Config())
    return Job(target, [Call("deploy", {"wait": None})], config or Config())


@pytest.mark.parametrize("name", ["open", "far"])
def test_a_job_can_travel(name: str) -> None:
    there = pickle.loads(pickle.dumps(job(name)))
    assert there.target == job(name).target
    assert there.target.connect(there.config).host == there.target.login.host


def test_what_is_a_password_itself() -> None:
    assert not list(passwords(job("open")))
    assert set(passwords(job("shut"))) == {"db_password", "ansible_become_pass"}
    config = Config()
    config.sudo.password = "hunter4"
    assert list(passwords(job("open", config))) == ["--prompt-for-sudo-password"]


def test_passwords_do_not_travel_in_clear() -> None:
    with (
        pytest.raises(UsageError, match="shut: ansible_become_pass, db_password would reach"),
        workers("dask://127.0.0.1:9", 1, [job("open"), job("shut")], None, print, never),
    ):
        pass


@pytest.mark.parametrize("address", ["", "dask://", "dask://h", "tcp://h:1", "dask://h:1/x", "h:1"])
def test_an_address_that_is_none(address: str) -> None:
    with (
        pytest.raises(UsageError, match="give the scheduler of a Dask cluster"),
        workers(address, 1, [], None, print, never),
    ):
        pass
