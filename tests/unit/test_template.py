"""Templates are compiled once. A cached one is used only if it matches its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fabfile.model.host import Host, Platform
from fabfile.resources import jinja, template

Render = Callable[[], str]
HOST = Host("m", {"fqdn": "m.example.com"}).surveyed(Platform("debian", "12"), {})


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Render]:
    """Return a function that renders /a.cf of a template folder, like a new process."""
    monkeypatch.setattr(template, "ROOT", tmp_path)
    (tmp_path / "a.cf.j2").write_text("{% if fqdn %}\nname = {{ fqdn }}\n{% endif %}\n")

    def in_new_process() -> str:
        template._template.cache_clear()
        return template.render("/a.cf", HOST)

    yield in_new_process
    template._template.cache_clear()


def kept(folder: Path) -> Path:
    """Return the only compiled template."""
    (found,) = (folder / "__pycache__").iterdir()
    return found


def test_unchanged_template_is_not_compiled_again(render: Render, tmp_path: Path) -> None:
    assert render() == "name = m.example.com\n"
    before = kept(tmp_path).stat()
    assert render() == "name = m.example.com\n"
    after = kept(tmp_path).stat()
    # The file was read and not written: only its access time may change.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_changed_template_is_compiled_again(render: Render, tmp_path: Path) -> None:
    render()
    (tmp_path / "a.cf.j2").write_text("host = {{ fqdn }}\n")
    assert render() == "host = m.example.com\n"


def test_changed_syntax_options_compile_again(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    render()
    monkeypatch.setitem(jinja.SYNTAX, "trim_blocks", False)
    assert render() == "\nname = m.example.com\n\n"


@pytest.mark.parametrize("length", [0, 5, 20, 40, 60, -1])
def test_truncated_cache_file_is_ignored(render: Render, tmp_path: Path, length: int) -> None:
    render()
    whole = kept(tmp_path).read_bytes()
    kept(tmp_path).write_bytes(whole[:length])
    assert render() == "name = m.example.com\n"
    assert kept(tmp_path).read_bytes() == whole


def test_unwritable_folder_still_renders(render: Render, tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("not a folder")
    assert render() == "name = m.example.com\n"
