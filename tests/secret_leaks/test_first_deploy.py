"""Secrets during a whole first deploy, and the account commands: nowhere but in their places.

The server is watched from outside while everything runs; afterwards all that it has kept is
searched, as is everything that mailfab has printed, and what it has left on this machine.
"""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest

from fabfile.resources.sql.client import native_hash
from fabfile.sandbox import state
from fabfile.sandbox.server import Server
from tests.e2e.conftest import FAB, ROOT, SandboxHost
from tests.e2e.systems import SYSTEMS
from tests.secret_leaks.watch import Seen, Written, watch
from tests.tally import tried

if os.geteuid() != 0:
    pytest.skip("needs root on Linux: boots real servers", allow_module_level=True)

GIVEN = {
    "db_password": "GivenAdmin.Pa55word~one",
    "db_password, another": "OtherAdmin.Pa55word~two",
    "password of sales@": 'Typed "sales" pa55word $(x) \\ é',
    "password of prompt@": "Prompted pa55word 'x'",
}
CANARY = {
    "in a command line": "canary-in-a-command-line",
    "in an environment": "canary-in-an-environment",
    "in a file, for an instant": "canary-in-a-file",
    "in a log": "canary-in-a-log",
    "in a file of this machine": "canary-on-this-machine",
    "in a command line of this machine": "canary-in-our-command-line",
}


@dataclass(frozen=True)
class Place:
    """A file that may hold secrets: who owns it, and what its mode may be at most."""

    path: str
    mode: int
    owner: str
    group: str
    holds: str
    """The secrets that it may hold, as a pattern of their names."""


PLACES = (
    Place("/etc/postfix/mysql-virtual_*.cf", 0o640, "root", "postfix", "db_lookup_password"),
    Place("/etc/dovecot/dovecot-sql.conf.ext", 0o640, "root", "dovecot", "db_lookup_password"),
    Place("/root/.mail_admin.cnf", 0o600, "root", "root", "db_password*"),
    Place("/root/.mail_reader.cnf", 0o600, "root", "root", "db_lookup_password"),
    Place("/root/.my.cnf", 0o600, "root", "root", "db_root_password"),
    # Copies for a rollback, and what a statement's error said, in a folder of root's alone.
    Place("/var/lib/mailfab/*", 0o777, "root", "*", "*"),
    # The server's own: the accounts' hashes, and the table of users.
    Place("/var/lib/mysql/*", 0o660, "mysql", "mysql", "hash *"),
)
ROOTS_ALONE = ("/var/lib/mailfab",)
"""Folders that only root may enter."""


@dataclass
class Story:
    """Everything that was seen of a first deploy."""

    box: SandboxHost
    seen: Seen
    secrets: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    local: list[bytes] = field(default_factory=list)
    """Command lines and environments of fab and what it started."""
    home: Path = Path()
    """The home and temporary folder that fab had."""

    def found(self, text: bytes, *, canaries: bool = False) -> list[str]:
        """Return the names of the secrets in a text."""
        wanted = CANARY if canaries else self.secrets
        return [name for name, value in wanted.items() if value.encode() in text]

    def fab(self, *arguments: str, stdin: str = "", debug: bool = False, prompt: str = "") -> None:
        """Run fab, as well or badly as it may; keep what it prints, and watch its processes."""
        environment = {
            **os.environ,
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "MAILFAB_INVENTORY": str(self.box.inventory),
            **({"MAILFAB_DEBUG": "1"} if debug else {}),
        }
        command = [str(FAB), "-H", self.box.name, *arguments]
        label = f"{len(self.outputs)} {' '.join(arguments)}{' (debugging)' if debug else ''}"
        if prompt:
            self.outputs[label] = self._prompted(command, environment, prompt)
            return
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with self._watched(child.pid):
            output, _ = child.communicate(stdin.encode(errors="surrogateescape"), timeout=900)
        self.outputs[label] = f"{output.decode(errors='replace')}\nexit code {child.returncode}"

    def _prompted(self, command: list[str], environment: dict[str, str], answer: str) -> str:
        leader, follower = pty.openpty()
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        said = b""
        with self._watched(child.pid):
            for prompt in (b"Password for", b"Once more"):
                while prompt not in said:
                    said += os.read(leader, 4096)
                os.write(leader, f"{answer}\n".encode())
            child.wait(60)
        with os.fdopen(leader, "rb", buffering=0) as rest:
            try:
                while more := rest.read(4096):
                    said += more
            except OSError:
                pass  # Linux's way to say that the other side is closed
        return f"{said.decode(errors='replace')}\nexit code {child.returncode}"

    def _watched(self, pid: int) -> Watched:
        return Watched(pid, self.local)


class Watched:
    """Looks at a process of this machine, and at those it starts, as often as it can."""

    def __init__(self, pid: int, into: list[bytes]) -> None:
        self.pid, self.into = pid, into
        self.known: set[bytes] = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.into.extend(self.known)

    def _look(self) -> None:
        while not self.over.wait(0.004):
            self._note(self.pid)

    def _note(self, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        try:
            self.known.add((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes())
            for children in folder.glob("task/*/children"):
                for child in children.read_text().split():
                    self._note(int(child))
        except OSError:
            pass


def hashes(box: SandboxHost) -> dict[str, str]:
    """Return the hashes that the database holds, of accounts and of users."""
    rows = box.sh("$(command -v mariadb || command -v mysql) -Ne 'SELECT * FROM mail.users'")
    return {f"hash of {row.split()[0]}": row.split()[1] for row in rows.splitlines()}


@pytest.fixture(scope="module", params=["debian12", "el6"])
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Deploy a bare server, add accounts, provoke failures; return what was seen."""
    folder = tmp_path_factory.mktemp("secrets")
    home = folder / "home"
    home.mkdir()
    box = SandboxHost(
        Server(f"secrets-{request.param}", request.param),
        SYSTEMS[request.param],
        folder / "inventory.ini",
    )
    box.server.down()
    box.server.up()
    box.write_inventory(db_password=GIVEN["db_password"])
    try:
        with watch(box.server.pid) as seen:
            told = Story(box, seen, dict(GIVEN), home=home)
            plant(told)
            tell(told)
            whole(told)
        yield told
    finally:
        if not os.environ.get("MAILFAB_TEST_KEEP"):
            box.server.down()


def plant(told: Story) -> None:
    """Leak on purpose, in every way that is looked for."""
    told.box.sh(f"""
        /bin/true {CANARY["in a command line"]}
        CANARY={CANARY["in an environment"]} /bin/true
        umask 022; printf %s {CANARY["in a file, for an instant"]} >/root/planted
        mv /root/planted /etc/planted; chmod 600 /etc/planted; rm /etc/planted
        logger {CANARY["in a log"]} || printf %s {CANARY["in a log"]} >>/var/log/messages
    """)
    (told.home / "planted").write_text(CANARY["in a file of this machine"])
    secret = CANARY["in a command line of this machine"]
    child = subprocess.Popen(["sh", "-c", f": {secret}; sleep 0.2; exit"])
    with told._watched(child.pid):
        child.wait()


def tell(told: Story) -> None:
    """Do what people do, well and badly."""
    told.fab("plan")
    told.fab("deploy")
    told.fab("domain.add", "example.org")
    sales = ("user.add", "sales@example.org", "--password-stdin")
    told.fab(*sales, stdin=f"{GIVEN['password of sales@']}\n")
    told.fab("user.add", "prompt@example.org", prompt=GIVEN["password of prompt@"])
    told.fab(
        "user.passwd",
        "sales@example.org",
        "--password-stdin",
        stdin=f"{GIVEN['password of sales@']}\n",
        debug=True,
    )
    told.fab("user.list")
    for debug in (False, True):
        told.fab("status", debug=debug)
        told.fab("history", debug=debug)
        told.fab("plan", debug=debug)
    told.fab("verify", "--json", str(told.home / "verify.json"))
    told.fab("--debug", "plan", debug=True)
    fail(told)


def fail(told: Story) -> None:
    """Let runs fail that have secrets in play."""
    for secret in (
        f"{GIVEN['password of sales@']}\x01",
        f"{GIVEN['password of sales@']}\udcff",
        "",
    ):
        told.fab(
            "user.passwd",
            "sales@example.org",
            "--password-stdin",
            stdin=f"{secret}\n",
            debug=bool(secret),
        )
    # Another password than the host's: the plan shows both, and logins are refused.
    told.box.write_inventory(db_password=GIVEN["db_password, another"])
    for debug in (False, True):
        told.fab("plan", debug=debug)
        told.fab("user.list", debug=debug)
    # The database's client repeats the statements that it refuses.
    told.box.sh("""
        c=$(readlink -f "$(command -v mariadb || command -v mysql)")
        mv "$c" "$c.real"
        cat >"$c" <<END
#!/bin/sh
said=\\$(cat)
case \\$said in *'GRANT USAGE'*)
    printf 'ERROR 1064 near GRANT%s\\n' "\\${said#*GRANT}" >&2
    exit 1
    ;;
esac
printf '%s\\n' "\\$said" | $c.real "\\$@"
END
        chmod 755 "$c"
    """)
    for debug in (False, True):
        told.fab("mysql", debug=debug)
    told.box.sh("""
        c=$(readlink -f "$(command -v mariadb || command -v mysql)")
        mv "$c.real" "$c"
    """)
    # Something is in the way of a file with a secret.
    told.box.sh("rm /root/.mail_admin.cnf; mkdir /root/.mail_admin.cnf")
    for debug in (False, True):
        told.fab("deploy", debug=debug)
    told.box.sh("rmdir /root/.mail_admin.cnf")
    told.fab("deploy")
    # That was a file with a password alone, which stays; and now one that comes back.
    told.fab("rollback", debug=True)
    told.box.write_inventory(
        db_password=GIVEN["db_password, another"], message_size_limit="1000000"
    )
    told.fab("deploy")
    # What verify expects afterwards is what the inventory says.
    told.box.write_inventory(db_password=GIVEN["db_password, another"])
    told.fab("rollback")
    told.fab("deploy")
    broken_inventories(told)


def broken_inventories(told: Story) -> None:
    """Name the host in inventories that cannot be read, with the secret in the broken line."""
    secret = GIVEN["db_password, another"]
    line = told.box.inventory.read_text().strip()
    name = told.box.name
    for wrong in (
        f"{line} x='{secret}",
        f"{name}\n[all:vars]\ndb_password: {secret}",
        f"{name}\n[all:vars]\ndb_password {secret}",
        f"{name} db_password=a {secret}",
        f"{name} 'db_password: {secret}'",
        f"[mail]\n{name}\ndb_password={secret}[1",
        f"[mail]\n{name}\ndb_password={secret}[1:9]",
        f"[mail]\n{name}\ndb_password={secret}",
        f"{line} fqdn=wrong db_password='{secret} {secret}'",
        f"{line} db_passwrod={secret}",
        f"{line} ansible_ssh_common_args='\"{secret}'",
        f"{line} ansible_password={secret} ansible_become_password={secret} ansible_port=no",
    ):
        told.box.inventory.write_text(f"{wrong}\n")
        told.fab("plan")
        told.fab("plan", debug=True)
        told.fab("-H", "mail,nowhere.invalid", "plan")
    told.box.write_inventory(db_password=secret)


def whole(told: Story) -> None:
    """Add the secrets that were made meanwhile."""
    setting = re.compile(r"^password *= *\"?([^\"\n]+)", re.M)
    for name, file in (
        ("db_lookup_password", "/root/.mail_reader.cnf"),
        ("db_root_password", "/root/.my.cnf"),
    ):
        if found := setting.search(told.box.sh(f"cat {file} 2>/dev/null || :")):
            told.secrets[name] = found[1]
    assert "db_lookup_password" in told.secrets
    for name, value in list(told.secrets.items()):
        if name.startswith("db_"):
            told.secrets[f"hash of {name}"] = native_hash(value)
    told.secrets |= hashes(told.box)
    assert "hash of prompt@example.org" in told.secrets


def test_every_planted_secret_is_seen(story: Story) -> None:
    """Or nothing of what follows would mean anything."""
    started = story.seen.started
    # The shell that plants them has them all in its command line.
    secret = CANARY["in a command line"].encode()
    assert [p for p in started if p.startswith(b"/bin/true\0" + secret)]
    secret = CANARY["in an environment"].encode()
    assert [p for p in started if p.startswith(b"/bin/true\0\n") and b"CANARY=" + secret in p]
    secret = CANARY["in a file, for an instant"].encode()
    assert [file for file in story.seen.written if file.content == secret and file.mode == 0o644]
    assert story.found(logs(story), canaries=True) == ["in a log"]
    assert story.found(b"\n".join(story.local), canaries=True) == [
        "in a command line of this machine"
    ]
    assert (story.home / "planted").read_text() == CANARY["in a file of this machine"]
    tried("canaries, each of which was seen", len(CANARY))


def test_the_runs_were_what_they_should_be(story: Story) -> None:
    """A deploy that fails early would leak little."""
    (story.home.parent / "outputs").write_text(
        "\n".join(f"## {label}\n{text}" for label, text in story.outputs.items())
    )
    assert "ERROR 1064 near GRANT" in "".join(story.outputs.values())
    outputs = list(story.outputs.items())
    codes = {label.split(" ", 1)[1]: text.rsplit(" ", 1)[1] for label, text in reversed(outputs)}
    assert outputs[1][1].endswith("exit code 0"), outputs[1]
    for label in ("user.add prompt@example.org", "user.list", "status", "history", "rollback"):
        assert codes[label] == "0", (label, story.outputs)
    assert codes["user.list (debugging)"] == "1"
    assert codes["deploy (debugging)"] == "1"


def test_no_process_of_the_host_shows_a_secret(story: Story) -> None:
    assert len(story.seen.started) > 500
    tried(f"programs started on {story.box.server.image}", len(story.seen.started))
    assert [p for p in story.seen.started if story.found(p)] == []


def place(path: str) -> Place | None:
    """Return the place that a file is, or will be when it is whole."""
    bare = re.sub(r"\.mailfab-(new\.\w+|back)$", "", path)
    return next((place for place in PLACES if fnmatch(bare, place.path)), None)


def test_no_file_is_readable_for_an_instant(story: Story) -> None:
    written = story.seen.written
    tried(f"states of files while they were written on {story.box.server.image}", len(written))
    holding = [(file, names) for file in written if (names := story.found(file.content))]
    assert {place(file.path) for file, _ in holding} >= set(PLACES[:4])
    wrong = [(file, names) for file, names in holding if not allowed(file, names, story)]
    assert wrong == []


def allowed(file: Written, names: list[str], story: Story) -> bool:
    """Return whether a file may hold these secrets, as it is."""
    where = place(file.path)
    if where is None or not all(fnmatch(name, where.holds) for name in names):
        return False
    if where.path.startswith(ROOTS_ALONE):
        return not file.reachable
    known = {
        line.split(":")[0]: int(line.split(":")[2])
        for line in story.box.sh("cat /etc/group").splitlines()
    }
    group = known[where.group]
    return not file.mode & ~where.mode and file.owner == 0 and (file.group in (0, group))


def kept(story: Story) -> Iterator[tuple[str, os.stat_result, bytes]]:
    """Yield every file that the server has changed or made: its path, status and content."""
    upper = state.host(story.box.name) / "upper"
    for folder, _, names in os.walk(upper):
        for name in names:
            file = Path(folder, name)
            status = file.lstat()
            if stat.S_ISREG(status.st_mode):
                yield "/" + str(file.relative_to(upper)), status, file.read_bytes()


def test_no_file_that_stays_holds_a_secret_but_in_its_place(story: Story) -> None:
    upper = state.host(story.box.name) / "upper"
    for folder in ROOTS_ALONE:
        assert stat.S_IMODE((upper / folder.lstrip("/")).stat().st_mode) == 0o700
    accounts = story.box.sh("cat /etc/passwd").splitlines()
    users = {int(line.split(":")[2]): line.split(":")[0] for line in accounts}
    groups = {
        int(line.split(":")[2]): line.split(":")[0]
        for line in story.box.sh("cat /etc/group").splitlines()
    }
    wrong = []
    number = 0
    for path, status, content in kept(story):
        number += 1
        if names := story.found(content):
            where = place(path)
            owner, group = users[status.st_uid], groups[status.st_gid]
            mode = stat.S_IMODE(status.st_mode)
            if (
                where is None
                or not all(fnmatch(name, where.holds) for name in names)
                or mode & ~where.mode
                or not fnmatch(owner, where.owner)
                or not fnmatch(group, where.group)
            ):
                wrong.append((path, oct(mode), owner, group, names))
    tried(f"files that {story.box.server.image} has kept", number)
    assert wrong == []


def logs(story: Story) -> bytes:
    """Return all that the server has logged, also what its journal packs."""
    text = story.box.sh("""
        if command -v journalctl >/dev/null; then journalctl --no-pager -o export; fi
        cat /var/log/messages /var/log/maillog /var/log/*.log /var/log/*/*.log 2>/dev/null || :
    """)
    return text.encode()


def test_no_log_holds_a_secret(story: Story) -> None:
    text = logs(story)
    tried(f"lines of logs of {story.box.server.image}", text.count(b"\n"))
    assert story.found(text) == []


def test_nothing_that_is_printed_holds_a_secret(story: Story) -> None:
    tried("runs of fab, and what they printed", len(story.outputs))
    assert {
        label: (names, text)
        for label, text in story.outputs.items()
        if (names := story.found(text.encode()))
    } == {}


def test_nothing_on_this_machine_holds_a_secret(story: Story) -> None:
    tried("command lines and environments of fab and its children", len(story.local))
    assert [text for text in story.local if story.found(text)] == []
    files = [file for file in story.home.rglob("*") if file.is_file()]
    tried("files that fab has left in its home and its temporary folder", len(files))
    assert story.home / "verify.json" in files
    assert [file for file in files if story.found(file.read_bytes())] == []
    assert {file.name for file in files} == {"planted", "verify.json"}
