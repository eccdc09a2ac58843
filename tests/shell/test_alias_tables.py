"""Local aliases are written where Postfix reads them, and each stale database is made again."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tasks.resources.alias import ALIASES, Alias, AliasDatabase
from tests.scratch import Scratch
from tests.shell.conftest import Bench
from tests.shell.test_files import converges

Benches = Callable[..., Bench]
ROOT = Alias("root", "me@example.com")
DATABASE = AliasDatabase(ALIASES)


def postfix(scratch: Scratch, maps: str, database: str, *, old: bool = False) -> None:
    """Have a Postfix with these tables; an `old` postconf has no -x. newaliases(1) must not run."""
    maps, database = (text.replace("/etc", f"{scratch.root}/etc") for text in (maps, database))
    scratch.stub(
        "postconf",
        f"""\
{"case $1 in -x) exit 1 ;; esac" if old else ""}
echo 'postconf: warning: /etc/postfix/main.cf, line 9: overriding earlier entry: a=b' >&2
plain=
for word; do
    case $word in
    -x) continue ;;
    -h) plain=yes; continue ;;
    alias_maps) value='{maps}' ;;
    alias_database) value='{database}' ;;
    default_database_type) value=hash ;;
    *) continue ;;
    esac
    [ -n "$plain" ] && echo "$value" || echo "$word = $value"
done""",
    )
    suffix = "case $kind in hash | btree) s=db ;; *) s=$kind ;; esac"
    scratch.stub(
        "postalias",
        f'kind=${{1%%:*}}; {suffix}; echo "$1" >>{scratch.root}/made; : >"${{1#*:}}.$s"',
    )
    scratch.stub("newaliases", "exit 1")


def made(scratch: Scratch) -> list[str]:
    """Return the tables that postalias(1) has made."""
    file = scratch.root / "made"
    text = file.read_text().replace(str(scratch.root), "") if file.exists() else ""
    return sorted(set(text.split()))


@pytest.mark.parametrize(
    ("maps", "database", "file", "tables"),
    [
        ("hash:/etc/aliases", "hash:/etc/aliases", "/etc/aliases", ["hash:/etc/aliases"]),
        (
            "hash:/etc/postfix/aliases",
            "hash:/etc/postfix/aliases",
            "/etc/postfix/aliases",
            ["hash:/etc/postfix/aliases"],
        ),
        ("lmdb:/etc/postfix/a", "lmdb:/etc/postfix/a", "/etc/postfix/a", ["lmdb:/etc/postfix/a"]),
        ("proxy:btree:/etc/a", "", "/etc/a", ["btree:/etc/a"]),
        (
            "ldap:/etc/a.cf, hash:/etc/b hash:/etc/aliases",
            "hash:/etc/aliases",
            "/etc/aliases",
            ["hash:/etc/aliases"],
        ),
        ("texthash:/etc/t", "hash:/etc/aliases", "/etc/t", []),
        ("mysql:/etc/a.cf", "hash:/etc/aliases", "/etc/aliases", ["hash:/etc/aliases"]),
        ("", "hash:/etc/aliases", "/etc/aliases", ["hash:/etc/aliases"]),
    ],
)
def test_alias_is_written_where_postfix_reads_it(
    bench: Benches, scratch: Scratch, maps: str, database: str, file: str, tables: list[str]
) -> None:
    scratch.path("/etc/postfix").mkdir()
    postfix(scratch, maps, database)
    bench(ROOT, DATABASE).deploy()
    assert bench(ROOT, DATABASE).plan().changes == 0
    assert scratch.path(file).read_text() == "root: me@example.com\n"
    assert made(scratch) == tables


def test_names_that_an_old_postconf_does_not_expand_are_known(
    bench: Benches, scratch: Scratch
) -> None:
    postfix(scratch, "$alias_database", "$default_database_type:/etc/mine", old=True)
    bench(ROOT, DATABASE).deploy()
    assert bench(ROOT, DATABASE).plan().changes == 0
    assert scratch.path("/etc/mine").read_text() == "root: me@example.com\n"


def test_alias_is_changed_in_the_table_that_has_it_first(bench: Benches, scratch: Scratch) -> None:
    postfix(scratch, "hash:/etc/a, hash:/etc/b", "hash:/etc/b")
    scratch.path("/etc/a").write_text('"Root": old\nwww: x\n')
    scratch.path("/etc/b").write_text("root: me@example.com\n")
    bench(ROOT, DATABASE).deploy()
    assert scratch.path("/etc/a").read_text() == "root: me@example.com\nwww: x\n"
    assert made(scratch) == ["hash:/etc/a", "hash:/etc/b"]
    assert bench(ROOT, DATABASE).plan().changes == 0


@pytest.mark.parametrize("touched", ["/etc/aliases", "/etc/a"])
def test_database_older_than_its_file_is_made(
    bench: Benches, scratch: Scratch, touched: str
) -> None:
    postfix(scratch, "hash:/etc/a", "hash:/etc/a, hash:/etc/aliases")
    for name in ("/etc/a", "/etc/aliases"):
        scratch.path(name).write_text("root: me@example.com\n")
        scratch.path(f"{name}.db").write_text("")
    assert bench(ROOT, DATABASE).plan().changes == 0
    later = scratch.path(f"{touched}.db").stat().st_mtime + 10
    os.utime(scratch.path(touched), (later, later))
    assert bench(ROOT, DATABASE).plan().changes == 1
    # The stub does not wait ten seconds.
    os.utime(scratch.path(touched), (later - 20, later - 20))
    scratch.path(f"{touched}.db").unlink()
    converges(bench(DATABASE))
    assert made(scratch) == [f"hash:{touched}"]


def test_file_that_another_program_keeps_is_left_to_it(bench: Benches, scratch: Scratch) -> None:
    postfix(scratch, "hash:/etc/list, hash:/etc/aliases", "hash:/etc/aliases")
    theirs = scratch.path("/etc/list")
    theirs.write_text("list: |/usr/lib/list\n")
    os.chown(theirs, 38, 38)
    bench(ROOT, DATABASE).deploy()
    assert bench(ROOT, DATABASE).plan().changes == 0
    assert made(scratch) == ["hash:/etc/aliases"]
    assert theirs.read_text() == "list: |/usr/lib/list\n"


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        ("hash:/etc/aliases, hash:/etc/gone", "hash:/etc/gone, which is missing"),
        ("ldap:/etc/a.cf", "names no file"),
        ("", "names no file"),
        ("hash:/etc/aliases, nis:mail.aliases", ""),
    ],
)
def test_tables_without_a_file_are_named(
    bench: Benches, scratch: Scratch, maps: str, says: str
) -> None:
    postfix(scratch, maps, "hash:/etc/aliases")
    bench(ROOT, DATABASE).deploy()
    warnings = bench(ROOT, DATABASE).deploy().warnings
    assert [w for w in warnings if says in w] == list(warnings)
    assert bool(warnings) == bool(says)


def test_rollback_makes_the_database_of_the_restored_file(bench: Benches, scratch: Scratch) -> None:
    postfix(scratch, "hash:/etc/aliases", "hash:/etc/aliases")
    file = scratch.path(ALIASES)
    file.write_text("root: old\n")
    os.utime(file, (1, 1))
    bench(ROOT, DATABASE).deploy()
    (scratch.root / "made").unlink()
    bench(ROOT, DATABASE).survey().roll_back(None, "a test")
    assert file.read_text() == "root: old\n"
    assert made(scratch) == ["hash:/etc/aliases"]
