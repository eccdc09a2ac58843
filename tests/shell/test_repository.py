"""Edits of .repo files: only the lines of the option change, in every file of an administrator.

The reference is configparser, which reads these files as yum does.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabfile.model.errors import ApplyError
from fabfile.resources.repository import BASE_URL, EXCLUDE, BaseUrl, Exclusion, options
from tests.scratch import Scratch
from tests.shell.conftest import Bench

REPOS = Path(__file__).resolve().parents[1] / "data" / "repos"
PATH = "/etc/yum.repos.d/CentOS-Base.repo"
AWKS = [awk for awk in (["awk"], ["busybox", "awk"], ["gawk"]) if shutil.which(awk[0])]
each_awk = pytest.mark.parametrize("awk", AWKS, ids=" ".join)
each_file = pytest.mark.parametrize("name", sorted(path.name for path in REPOS.iterdir()))
Benches = Callable[..., Bench]


def edit(awk: list[str], program: str, text: str, **environment: str) -> str:
    run = subprocess.run(
        [*awk, program],
        input=text.encode(),
        capture_output=True,
        check=True,
        env={**os.environ, **environment},
    )
    return run.stdout.decode()


def exclude(awk: list[str], text: str, repository: str, *, add: bool) -> str:
    settings = {"section": repository, "name": "postfix", "value": "1" if add else "0"}
    return edit(awk, EXCLUDE, text, **settings)


def read(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False, empty_lines_in_values=False)
    parser.read_string(text.replace("\r", ""))
    return {name: dict(parser[name]) for name in parser.sections()}


def words(section: dict[str, str]) -> list[str]:
    return section.get("exclude", "").replace(",", " ").split()


def changed(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


names = st.sampled_from(["base", "updates", "extras", "centosplus", "base-debuginfo"])
packages = st.sampled_from(["kernel*", "php", "postfix", "postfix*", "dovecot", "postfix-perl"])
plain = st.sampled_from(
    [
        "name=CentOS-$releasever - Base",
        "mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os",
        "#baseurl=http://mirror.centos.org/centos/$releasever/os/$basearch/",
        "gpgcheck=1",
        "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-6",
        "enabled = 0",
        "# exclude=postfix",
        "#exclude=nothing",
        "; a remark",
        "",
        "baseurl=http://one.example/$basearch/\n   http://two.example/$basearch/",
        "includepkgs=a b\n\tpostfix",
    ]
)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """An exclude list as administrators write it."""
    gap = draw(st.sampled_from([" ", ", ", ",", "  ", "\n  ", "\n\t"]))
    head = draw(st.sampled_from(["exclude=", "exclude = ", "exclude ="]))
    return head + gap.join(draw(st.lists(packages, max_size=4, unique=True)))


@st.composite
def repo_files(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.sampled_from(["# CentOS-Base.repo", "#", ""]), max_size=3))
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        lines.append(f"[{name}]")
        lines += draw(st.lists(st.one_of(plain, plain, plain, lists()), max_size=7))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return "\n".join([*lines, ""]).replace("\n", end)


@each_awk
@settings(max_examples=200, deadline=None)
@given(text=repo_files(), repository=names)
def test_new_exclusion_changes_one_line(awk: list[str], text: str, repository: str) -> None:
    before, after = read(text), exclude(awk, text, repository, add=True)
    wanted = {name: dict(section) for name, section in before.items()}
    if repository in wanted and "postfix" not in words(wanted[repository]):
        found = {name: dict(section) for name, section in read(after).items()}
        assert sorted(words(found[repository])) == sorted([*words(before[repository]), "postfix"])
        found[repository].pop("exclude")
        wanted[repository].pop("exclude", None)
        assert found == wanted
        difference = changed(text, after)
        assert [line[0] for line in difference] in (["+"], ["-", "+"])
    else:
        assert after == text
    assert exclude(awk, after, repository, add=True) == after


@each_awk
@settings(max_examples=200, deadline=None)
@given(text=repo_files(), repository=names)
def test_removed_exclusion_keeps_the_other_words(
    awk: list[str], text: str, repository: str
) -> None:
    before, after = read(text), exclude(awk, text, repository, add=False)
    wanted, found = read(text), read(after)
    if repository in before and "postfix" in words(before[repository]):
        left = [word for word in words(before[repository]) if word != "postfix"]
        assert words(found[repository]) == left
        found[repository].pop("exclude", None)
        wanted[repository].pop("exclude")
        assert all("postfix" in line or line[0] == "+" for line in changed(text, after))
    assert found == wanted
    assert exclude(awk, after, repository, add=False) == after


@each_awk
@settings(max_examples=200, deadline=None)
@given(text=repo_files(), repository=names)
def test_exclusion_added_then_removed_restores_the_file(
    awk: list[str], text: str, repository: str
) -> None:
    if "exclude" not in read(text).get(repository, {}):
        assert exclude(awk, exclude(awk, text, repository, add=True), repository, add=False) == text


@each_awk
@settings(max_examples=200, deadline=None)
@given(text=repo_files(), repository=names)
def test_base_url_replaces_the_mirror_list(awk: list[str], text: str, repository: str) -> None:
    after = edit(awk, BASE_URL, text, section=repository, value="file:///v/$basearch/")
    wanted, found = read(text), read(after)
    if repository in wanted:
        wanted[repository].pop("mirrorlist", None)
        wanted[repository]["baseurl"] = "file:///v/$basearch/"
    assert found == wanted
    assert edit(awk, BASE_URL, after, section=repository, value="file:///v/$basearch/") == after


@settings(max_examples=300, deadline=None)
@given(text=repo_files())
def test_survey_reads_the_same_options_as_configparser(text: str) -> None:
    found = options(text.replace("\r", "").splitlines())
    assert {
        name: {k: v.split() for k, v in section.items()} for name, section in found.items()
    } == {name: {k: v.split() for k, v in section.items()} for name, section in read(text).items()}


@each_file
def test_real_files_get_only_the_missing_exclusions(
    bench: Benches, scratch: Scratch, name: str
) -> None:
    """The files: shipped by CentOS, edited by an administrator, changed to use the vault."""
    text = (REPOS / name).read_text()
    file = scratch.path(PATH)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    both = [Exclusion(PATH, repository, "postfix") for repository in ("base", "updates")]
    missing = [
        r for r in both if r.differences({"exclude": read(text)[r.repository].get("exclude", "")})
    ]
    assert bench(*both).deploy().changed == len(missing)
    assert bench(*both).plan().changes == 0
    difference = changed(text, file.read_text())
    assert len([line for line in difference if line[0] == "+"]) == len(missing)
    assert all(re.match(r"[+-] exclude=", line) for line in difference)


@each_file
def test_harmful_exclusions_in_real_files_are_removed(
    bench: Benches, scratch: Scratch, name: str
) -> None:
    file = scratch.path(PATH)
    file.parent.mkdir(parents=True)
    file.write_text((REPOS / name).read_text())
    both = [
        Exclusion(PATH, repository, "postfix", present=False) for repository in ("base", "updates")
    ]
    bench(*both).deploy()
    assert bench(*both).plan().changes == 0
    assert not any("postfix" in words(section) for section in read(file.read_text()).values())


def test_unreachable_vault_changes_nothing(bench: Benches, scratch: Scratch) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    text = (REPOS / "shipped.repo").read_text()
    file = scratch.path(PATH)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(ApplyError, match=r"file:///nowhere/os/.*cannot be fetched") as error:
        bench(BaseUrl(PATH, "base", "file:///nowhere/os/$basearch/")).deploy()
    assert "vault_url" in error.value.remedy
    assert file.read_text() == text
