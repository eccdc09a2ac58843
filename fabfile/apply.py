"""Apply: one script that makes a section's resources what they should be.

It takes the host's lock, keeps what it replaces, notes each restart on disk before the first
change that needs it, stops at the first failure, checks before it restarts, and ends with a
survey. It travels on standard input, so it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from fabfile import shell
from fabfile.resources.resource import Change, Resource, Restart
from fabfile.system import STATE_DIR

# What the shell of every apply script can call. The fixes of resources use `write_file`, `keep`,
# `sql`, and the three service functions.
RUNTIME = f"""\
state={STATE_DIR}
mark() {{ printf '@%s %s\\n' "$nonce" "$*"; }}

# keep PATH: before a file is replaced, put it where a rollback finds it; once in a run.
keep() {{
    [ -e "$run/kept$1" ] || [ -L "$run/kept$1" ] || [ -e "$run/absent$1" ] && return 0
    folder=$(dirname "$1")
    if [ -f "$1" ] || [ -L "$1" ]; then
        mkdir -p "$run/kept$folder"
        cp -pP "$1" "$run/kept$1.partial"
        mv "$run/kept$1.partial" "$run/kept$1"
    elif [ ! -e "$1" ]; then
        mkdir -p "$run/absent$folder"
        : >"$run/absent$1"
    fi
    printf '%s\\n' "$1" | tee -a "$run/section" >>"$run/replaced"
}}

# put_back PATH: undo what replaced a kept file.
put_back() {{
    if [ -e "$run/kept$1" ] || [ -L "$run/kept$1" ]; then
        cp -pP "$run/kept$1" "$1.mailfab-back" && mv -f "$1.mailfab-back" "$1"
    else
        rm -f "$1"
    fi
}}

put_back_all() {{ while IFS= read -r path; do put_back "$path"; done; }}

# write_file OWNER GROUP MODE PATH: replace a file by standard input, in one step that a crash
# cannot split; the new file never has other rights than its own, not even while it is written.
write_file() {{
    if [ -d "$4" ] && [ ! -L "$4" ]; then echo "$4 is a directory" >&2; return 1; fi
    rm -f "$4".mailfab-new.*
    new=$(mktemp "$4.mailfab-new.XXXXXX")
    chown "$1:$2" "$new"
    chmod "$3" "$new"
    # dd is the one program of coreutils 8.4 that syncs a file.
    if ! dd of="$new" bs=65536 conv=fsync,notrunc 2>"$new.err"; then
        cat "$new.err" >&2
        rm -f "$new" "$new.err"
        return 1
    fi
    rm -f "$new.err"
    if command -v selinuxenabled >/dev/null && selinuxenabled; then
        chcon --reference="$4" "$new" 2>/dev/null || restorecon "$new" || :
    fi
    mv -f "$new" "$4"
}}

# rewrite PATH PROGRAM: put a file through awk; whose it is and who may read it stays. Variables
# set in front of it reach the program in ENVIRON, where awk does not interpret backslashes.
rewrite() {{
    path=$(readlink -f "$1")
    [ -f "$path" ] || {{ mkdir -p "$(dirname "$path")"; : | write_file root root 0644 "$path"; }}
    export section option value name entry
    awk "$2" "$path" >"$run/edited"
    set -- "$path" $(stat -c '%U %G %a' "$path")
    write_file "$2" "$3" "$4" "$1" <"$run/edited"
    rm -f "$run/edited"
}}

systemd() {{ [ -d /run/systemd/system ]; }}

service_do() {{ # VERB SERVICE
    if systemd; then
        # Five starts within ten seconds are one too many for systemd, unless it forgets them.
        systemctl reset-failed "$2" 2>/dev/null || :
        systemctl "$1" "$2" && return
        systemctl --no-pager --full --lines=15 status "$2" || :
        return 1
    fi
    # A daemon that keeps our output open would keep the connection open with it.
    service "$2" "$1" >"$run/service.out" 2>&1 </dev/null || {{ cat "$run/service.out"; return 1; }}
}}

service_enable() {{
    if systemd; then systemctl --quiet enable "$1"; else chkconfig "$1" on; fi
}}

service_disable() {{
    if systemd; then systemctl --quiet disable "$1"; else chkconfig "$1" off; fi
}}

service_runs() {{
    if systemd; then systemctl --quiet is-active "$1"; else service "$1" status >/dev/null 2>&1; fi
}}

# sql: the client of whichever server is installed, as root, statements on standard input.
sql() {{
    if command -v mariadb >/dev/null; then mariadb "$@"; else mysql "$@"; fi
}}

# sql_from QUERY: run the statements that a query returns. They are worked out on the server when
# they are needed, so that they fit whatever is there.
sql_from() {{
    printf '%s\\n' "$1" | sql -N -r >"$run/statements"
    sql <"$run/statements"
    rm -f "$run/statements"
}}

due() {{ : >"$state/pending/$1.$2"; }}
settled() {{ rm -f "$state/pending/$1.$2"; }}

# Not `step N || …`: a shell ignores `set -e` in whatever runs on the left of `||`.
step() {{
    mark step "$1"
    ( set -e; "fix_$1" ) >"$run/log" 2>&1 9>&-
    code=$?
    if [ $code -eq 0 ]; then mark done "$1"; return; fi
    failed=1
    mark failed "$1" $code
    tail -n 25 "$run/log" | sed 's/^/|/'
    echo
}}

# act N VERB SERVICE: check, and only then restart; a configuration that does not pass is undone.
act() {{
    [ -e "$state/pending/$2.$3" ] || return 0
    mark act "$1"
    ( set -e; "check_$1" ) >"$run/log" 2>&1 9>&-
    code=$?
    if [ $code -eq 0 ]; then
        ( set -e; service_do "$2" "$3" ) >"$run/log" 2>&1 9>&-
        code=$?
        [ $code -eq 0 ] && settled "$2" "$3"
        verdict=unstarted
    else
        verdict=refused
        [ ! -r "$run/section" ] || put_back_all <"$run/section"
    fi
    if [ $code -eq 0 ]; then mark acted "$1"; return; fi
    failed=1
    mark $verdict "$1" $code
    tail -n 25 "$run/log" | sed 's/^/|/'
    echo
}}

begin() {{
    mkdir -p "$state/pending" "$state/runs" || return 1
    chmod 700 "$state"
    exec 9>>"$state/lock" || return 1
    if ! flock -n 9; then
        mark locked "$(tail -n 1 "$state/lock.holder" 2>/dev/null)"
        return 1
    fi
    printf '%s\\n' "$holder" >"$state/lock.holder"
    mkdir -p "$run" || return 1
    rm -f "$run/section"
}}
"""


@dataclass(frozen=True)
class Step:
    """One or several changes that one command makes."""

    changes: tuple[Change, ...]

    @property
    def resources(self) -> list[Resource]:
        """The resources that the step fixes."""
        return [change.resource for change in self.changes]

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        first = self.resources[0].title
        return first if len(self.changes) == 1 else f"{first} and {len(self.changes) - 1} more"

    def fix(self) -> str:
        """Return the shell that makes the changes."""
        resources = self.resources
        if len(resources) == 1:
            return resources[0].fix()
        return type(resources[0]).fix_together(resources)


@dataclass(frozen=True)
class Work:
    """What an apply does: steps in order, then the restarts that are due."""

    section: str
    steps: tuple[Step, ...]
    restarts: tuple[Restart, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.restarts)


def work(
    section: str, resources: Sequence[Resource], found: Sequence[Change], pending: Sequence[str]
) -> Work:
    """Return what has to be done: the changes, and the restarts that they or a dead run ask for."""
    restarts = dict.fromkeys(c.resource.notify for c in found if c.resource.notify)
    for resource in resources:
        due = resource.notify
        if due and f"{due.verb}.{due.service}" in pending:
            restarts[due] = None
    return Work(section, tuple(_steps(found)), tuple(r for r in restarts if r))


def _steps(found: Sequence[Change]) -> Iterator[Step]:
    kinds = groupby(found, key=lambda c: (type(c.resource), c.resource.notify))
    for (kind, _), group in kinds:
        members = tuple(group)
        if kind.together:
            yield Step(members)
        else:
            yield from (Step((change,)) for change in members)


def script(todo: Work, run: str, holder: str, nonce: str, survey: tuple[str, str]) -> str:
    """Return the apply script. `run` names the run on the host, `holder` says whose it is."""
    functions = [RUNTIME, survey[0]]
    body = [
        f"nonce={nonce} failed= run={shell.quote(f'{STATE_DIR}/runs/{run}')}",
        f"holder={shell.quote(holder)}",
    ]
    commands = []
    for number, step in enumerate(todo.steps):
        functions.append(f"fix_{number}() {{\n{_prepared(step)}\n}}")
        commands.append(f'step {number}\n[ -z "$failed" ] || return 0')
    for number, restart in enumerate(todo.restarts):
        functions.append(f"check_{number}() {{\n{restart.check or ':'}\n}}")
        commands.append(f"act {number} {shell.words(restart.verb, restart.service)}")
        commands.append('[ -z "$failed" ] || return 0')
    functions.append("apply() {\n" + "\n".join(commands) + "\n}")
    body += ["begin || { mark end; return 0; }", "apply", survey[1]]
    return shell.script("\n".join(functions), "\n".join(body))


def _prepared(step: Step) -> str:
    """Return a step's shell, after the notes and copies that must be on disk before it."""
    lines = []
    for restart in dict.fromkeys(r.notify for r in step.resources if r.notify):
        lines.append(f"due {shell.words(restart.verb, restart.service)}")
    for path in dict.fromkeys(r.replaces() for r in step.resources):
        if path:
            lines.append(f"keep {shell.quote(path)}")
    return "\n".join([*lines, step.fix()])


@dataclass
class Applied:
    """What came of an apply, filled in as its output arrives."""

    done: list[int] = field(default_factory=list)
    acted: list[int] = field(default_factory=list)
    failure: tuple[str, int, int] | None = None
    """How it failed (`failed`, `refused`, `unstarted`), at which step or restart, the exit code."""
    locked: str | None = None
    """Who holds the host's lock, when we could not have it."""
    log: list[str] = field(default_factory=list)
    ended: bool = False
    _logging: bool = False

    def feed(self, words: list[str]) -> None:
        """Take in one marker, split into words."""
        # The log ends at the next marker; what follows is the survey, with all its secrets.
        self._logging = False
        match words:
            case ["done", number]:
                self.done.append(int(number))
            case ["acted", number]:
                self.acted.append(int(number))
            case ["failed" | "refused" | "unstarted" as how, number, code]:
                self.failure = (how, int(number), int(code))
                self._logging = True
            case ["locked", *holder]:
                self.locked = " ".join(holder)
            case ["end"]:
                self.ended = True

    def take(self, line: str) -> None:
        """Take in a line that is no marker: of interest if it is of the log of a failure."""
        if self._logging and line.startswith("|"):
            self.log.append(line[1:])
