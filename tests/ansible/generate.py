"""Strategies for inventories: sources in a folder, as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

Files = dict[str, str]
"""Paths below the inventory's folder, and what the files hold."""

GROUPS = ("web", "mail", "db", "a-b", "x1", "all", "ungrouped", "zz")
SPECIAL = {"all", "ungrouped"}
VARIABLES = ("fqdn", "ansible_host", "ansible_port", "a", "b_2", "ntp-server", "note", "é")
HOSTS = (
    *(
        "m1",
        "m2",
        "mail",
        "db",
        "h.example.org",
        "192.0.2.1",
        "2001:db8::7",
        "_x",
        "x_",
        "ü.example",
    ),
    *("m1:22", "m2:2222", "h.example.org:0", "x_:22", "[2001:db8::1]:2222", "[m1]:23", "[::1]:22"),
    *("m[1:3]", "m[01:10:3]", "m[:5]", "w[a:c]", "n[08:11].x", "[a:b][1:2]", "k[1:2]y[a:b]:2022"),
    *("[1:3]:22", "[a:c]:22", "m[3:1]", "m[A:C]", "r[x:C]", "[2001:db8::[1:3]]:22", "1:2:3", "-"),
    *("[::ffff:192.0.2.[1:2]]:22", "m-:22", "user@m1", "localhost", "a]b", "m[5:5]", "m[1:9:20]"),
)
# What Ansible refuses, and mailfab has to refuse.
ODD_HOSTS = ("m[1", "m[1:]", "m[08:9]", "m[b:a]", "m[1:2:0]", "m[1:2:3:4]", "m|[1:2]", "m:", "---")

WORDS = st.sampled_from(
    (
        *(
            "yes",
            "no",
            "True",
            "False",
            "None",
            "true",
            "x y",
            "",
            "0",
            "1",
            "022",
            "0x1F",
            "1_000",
        ),
        *("1.0", "1e5", "1e400", ".5", "5.", "-3", "+4", "1-2", "3+4j", "...", "192.0.2.1", "1.2"),
        *("a=b", "a#b", "a #b", "# x", "1 # one", "'x' # y", '"x"', "'x'", "''", "b'x'", "u'x'"),
        *(
            "rb'\\x41'",
            "f'x'",
            "[1, 'a', (2, 3), {4}]",
            "{'a': [1]}",
            "{'a'}",
            "set()",
            "()",
            "[x]",
        ),
        *(
            "True # sudo",
            "Truely",
            "TrueFalse",
            "None,",
            "1,",
            "é",
            "\\n",
            "a\\tb",
            "'a' 'b'",
            "~x",
        ),
        *("{{ x }}", "{% if x %}y{% endif %}", "$ANSIBLE_VAULT;1.1", "env:X", "C:\\x", "%h", "@x"),
        *("9" * 30, "1.10", "12:30", "2026-11-27", "  lead", "trail  ", "'open", '"""x"""', "(1)"),
        *(
            "-o ProxyJump=me@gate",
            "[1, 2",
            "__import__('os')",
            "1 if 2 else 3",
            "\u00a01",
            "\ufeff1",
        ),
    )
)
TEXTS = WORDS | st.text(
    st.characters(codec="utf-8", exclude_characters="\x85", exclude_categories=("C", "Zl", "Zp")),
    max_size=8,
)


def quoted(text: str) -> st.SearchStrategy[str]:
    """Return ways to write a value on a host's line."""
    plain = text if text and not set(text) & set(" \t'\"\\#") else None
    double = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    single = "'" + text.replace("'", "'\\''") + "'"
    return st.sampled_from([way for way in (plain, double, single) if way is not None])


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """Return settings on a host's line."""
    found = []
    for name in draw(st.lists(st.sampled_from(VARIABLES), max_size=3)):
        found.append(f"{name}={draw(TEXTS.flatmap(quoted))}")
    return draw(st.sampled_from(("", "  ", "\t"))).join(["", *(f" {word}" for word in found)])


PADDING = st.sampled_from(("", "", "", " ", "\t", "\u00a0"))
COMMENTS = st.sampled_from(("", "", "", " # note", " # it's", "#x"))


@st.composite
def ini(draw: st.DrawFn) -> str:
    """Return an INI inventory. Rarely a line that Ansible refuses."""
    lines = []
    declared = draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=5, unique=True))
    for name in declared:
        lines.append(f"[{name}]{draw(COMMENTS)}")
        for _ in range(draw(st.integers(0, 3))):
            odd = draw(st.integers(0, 150)) == 0
            host = draw(st.sampled_from(ODD_HOSTS if odd else HOSTS))
            lines.append(f"{draw(PADDING)}{host}{draw(assignments())}{draw(COMMENTS)}")
    sections = draw(st.lists(st.sampled_from(declared), max_size=5))
    for name in sections:
        if draw(st.booleans()):
            lines.append(f"[{name}:children]")
            for child in draw(st.lists(st.sampled_from(declared), max_size=2)):
                # Mostly without loops: a group's children are later ones.
                nested = declared.index(child) > declared.index(name)
                special = SPECIAL & {name, child}
                if (nested and not special) or draw(st.integers(0, 80)) == 0:
                    lines.append(child + draw(COMMENTS))
        else:
            lines.append(f"[{name}:vars]")
            for variable in draw(st.lists(st.sampled_from(VARIABLES), max_size=3)):
                pad = draw(st.sampled_from(("", " ", "  ")))
                lines.append(f"{variable}{pad}={pad}{draw(TEXTS)}{draw(COMMENTS)}")
            if draw(st.integers(0, 4)) == 0:
                lines.append(
                    f"ansible_group_priority={draw(st.sampled_from((10, -1, '2', 'True')))}"
                )
    if draw(st.booleans()):
        # Sections in any order: children and variables before their groups.
        blocks: list[list[str]] = []
        for line in lines:
            if line.startswith("[") and line.split("#")[0].rstrip().endswith("]"):
                blocks.append([])
            blocks[-1].append(line)
        lines = [line for block in draw(st.permutations(blocks)) for line in block]
    lines.insert(0, draw(st.sampled_from(("", "# comment", "; comment", "top", "#\u2028"))))
    return draw(st.sampled_from(("\n", "\r\n", "\n\n"))).join(lines) + "\n"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.sampled_from((0.5, 1e20, -2.0))
    | TEXTS
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SETTINGS = st.dictionaries(st.sampled_from(VARIABLES), DATA, max_size=3)


@st.composite
def _group(draw: st.DrawFn, names: tuple[str, ...]) -> Any:
    """Return a group of a YAML inventory; `names` are the groups that it may have as children."""
    if draw(st.integers(0, 9)) == 0:
        return None
    hosts = st.sampled_from(ODD_HOSTS[:7] if draw(st.integers(0, 150)) == 0 else HOSTS)
    children = {
        name: draw(_group(names[index + 1 :])) for index, name in enumerate(names) if draw(_rarely)
    }
    parts: dict[str, Any] = {
        "hosts": draw(st.dictionaries(hosts, st.none() | SETTINGS, max_size=3) | st.none() | hosts),
        "vars": draw(SETTINGS | st.none()),
        "children": children or None,
    }
    if isinstance(parts["vars"], dict) and draw(st.integers(0, 4)) == 0:
        parts["vars"]["ansible_group_priority"] = draw(st.sampled_from((5, "7", True, -1)))
    return {key: parts[key] for key in draw(st.permutations(sorted(parts))) if draw(_mostly)}


_rarely = st.sampled_from((True, False, False))
_mostly = st.sampled_from((True, True, True, False))


@st.composite
def yaml_inventory(draw: st.DrawFn) -> str:
    """Return a YAML inventory, as YAML in several styles or as JSON."""
    names = tuple(draw(st.permutations([name for name in GROUPS if name not in SPECIAL])))[:4]
    if draw(st.integers(0, 20)) == 0:
        names = (*names, "ungrouped")
    groups = {name: draw(_group(names[index + 1 :])) for index, name in enumerate(names)}
    data = {"all": {"children": groups}} if draw(st.booleans()) else groups
    return written(draw, data)


def written(draw: st.DrawFn, data: Any) -> str:
    """Return data as YAML or JSON."""
    style = draw(st.sampled_from(("block", "flow", "json", "tabs")))
    if style == "json":
        return json.dumps(data, ensure_ascii=draw(st.booleans()))
    if style == "tabs":
        return json.dumps(data, indent="\t")
    text = yaml.safe_dump(
        data, default_flow_style=style == "flow", allow_unicode=True, sort_keys=False
    )
    return draw(st.sampled_from(("", "---\n", "# comment\n"))) + text


@st.composite
def variables_files(draw: st.DrawFn) -> Files:
    """Return files of group_vars and host_vars."""
    names = [f"group_vars/{name}" for name in ("all", "web", "mail", "ungrouped", "a-b")]
    names += [f"host_vars/{name}" for name in ("m1", "mail", "h.example.org", "2001:db8::1")]
    places = [
        *("", ".yml", ".yaml", ".json", ".txt", ".yml~"),
        *("/a.yml", "/b", "/.hidden.yml", "/c.txt", "/sub/d.yml", "/sub.d/e.yml", "/z.json"),
    ]
    found: Files = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True)):
        folder = draw(st.booleans())
        for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True)):
            # A file and a folder cannot have the same name.
            if place.startswith("/") == folder or place not in ("",):
                if place == "" and folder:
                    continue
                if place.startswith("/") and not folder:
                    continue
                settings = draw(SETTINGS)
                found[name + place] = written(draw, settings) if settings else ""
    return found


@dataclass(frozen=True)
class Generated:
    """An inventory: its files, and the one to name (the folder itself if empty)."""

    files: Files
    source: str


@st.composite
def inventories(draw: st.DrawFn) -> Generated:
    """Return an inventory of one or several sources, with files of variables."""
    files = draw(variables_files())
    kind = draw(st.sampled_from(("ini", "yaml", "bare", "folder")))
    if kind == "ini":
        return Generated(files | {"inventory.ini": draw(ini())}, "inventory.ini")
    if kind == "yaml":
        name = draw(st.sampled_from(("hosts.yml", "hosts.yaml", "hosts.json", "hosts")))
        return Generated(files | {name: draw(yaml_inventory())}, name)
    if kind == "bare":
        return Generated(files | {"hosts": draw(ini())}, "hosts")
    sources = {"01.ini": draw(ini()), "02.yml": draw(yaml_inventory()), "notes.md": "no inventory"}
    if draw(st.booleans()):
        sources["sub/hosts"] = draw(ini())
        sources["sub/group_vars/all.yml"] = "unseen: 1"
    return Generated(files | sources, "")
