"""The survey: one script that asks a host every fact of a run, and the parser of its answer.

The questions depend on the platform, which only the answer tells. So the script asks the keys of
every platform of the guide at once. A second script asks for keys that are still missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fabfile.model import shell
from fabfile.model.errors import HostError, UnreachableError
from fabfile.model.fact import Fact, States
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Resource
from fabfile.model.runner import Runner
from fabfile.model.section import Guide, Section
from fabfile.model.system import PENDING, SECRET, SYSTEM, parse_platform

Questions = dict[Fact, dict[str, None]]
"""The keys to ask of each fact, in order, each once."""


@dataclass(frozen=True)
class Survey:
    """The result of a survey."""

    platform: Platform
    states: States
    pending: tuple[str, ...] = ()
    """Restarts that an earlier run left due, as `restart.postfix`."""
    secrets: dict[str, SecretValue] = field(default_factory=dict)
    """The secrets found on the host, by name."""


def questions(guide: Guide, sections: Iterable[Section], host: Host) -> Questions:
    """Return the questions about the sections on every platform of the guide.

    For a host that has been surveyed they cover its own platform only.
    """
    asked: Questions = {SYSTEM: {"": None}, PENDING: {"": None}}
    asked |= {fact: dict.fromkeys(keys) for fact, keys in guide.versions.items()}
    asked |= {trait: {"": None} for trait in guide.platform_facts}
    places = asked.setdefault(SECRET, {})
    for secret in guide.secrets:
        places.update((" ".join(place), None) for place in secret.sources)
    platforms = [host.system] if isinstance(host, SurveyedHost) else guide.platforms
    for platform in platforms:
        candidate = guide.candidate(host, platform)
        for section in sections:
            for resource in section(candidate):
                asked.setdefault(resource.fact, {})[resource.key] = None
    return asked


def missing(asked: Questions, resources: Iterable[Resource]) -> Questions:
    """Return the questions about the resources that have not been asked yet."""
    needed: Questions = {}
    for resource in resources:
        if resource.key not in asked.get(resource.fact, {}):
            needed.setdefault(resource.fact, {})[resource.key] = None
    return needed


def body(asked: Questions, nonce: str) -> tuple[str, str]:
    """Return the shell functions and the commands of a survey.

    Answers are framed by markers with a random nonce. So no text on the host (a banner, a file's
    content or name) can look like a marker.
    """
    asked = _of_the_host(asked, nonce)
    functions = [f"fact_{fact.name}() {{\n{fact.shell}\n}}" for fact in asked]
    lanes: dict[str, list[str]] = {}
    for fact, keys in asked.items():
        lanes.setdefault(fact.lane, []).append(_question(fact, keys, nonce))
    commands = "\n".join(lanes.pop("", ()))
    for questions in lanes.values():
        # Run each lane in the background, buffered in a pipe; print it last.
        lane = "\n".join(questions)
        commands = f"{{ {lane}\n}} | {{ exec 4<&0 </dev/null\n{commands}\ncat <&4; }}"
    return "\n".join(functions), f"{commands}\necho '@{nonce} end'"


def _of_the_host(asked: Questions, nonce: str) -> Questions:
    """Return the questions to send; facts with `via` are merged into the fact that carries them."""
    sent: Questions = {fact: dict(keys) for fact, keys in asked.items() if fact.via is None}
    for fact, keys in asked.items():
        if fact.via:
            carried = fact.carried(keys, f"@{nonce} {fact.name}")
            sent.setdefault(fact.via, {}).update(dict.fromkeys(carried))
    return sent


def _question(fact: Fact, keys: Iterable[str], nonce: str) -> str:
    return f"echo '@{nonce} {fact.name}'; ( fact_{fact.name} {shell.words(*keys)} ) 2>/dev/null"


def script(asked: Questions, nonce: str) -> str:
    """Return a survey as a script of its own."""
    return shell.script(*body(asked, nonce))


def ask(runner: Runner, asked: Questions) -> States:
    """Ask a host the questions in one exec, and return the states."""
    nonce = shell.nonce()
    return read(runner.run_script(script(asked, nonce)), asked, nonce)


def read(output: str, asked: Questions, nonce: str) -> States:
    """Return the states in a survey's output.

    Raises UnreachableError for an incomplete answer and HostError for one that cannot be parsed.
    """
    answers: dict[str, list[str]] = {}
    lines: list[str] = []
    # Not splitlines: it also splits at characters that a line of a file may contain.
    for line in output.split("\n"):
        if line.startswith(f"@{nonce} "):
            lines = answers.setdefault(line.split(" ", 1)[1], [])
        elif line:
            lines.append(line)
    if "end" not in answers:
        seen = output[-2000:].strip().splitlines()[-1:] or ["nothing"]
        raise UnreachableError(
            f"the survey ended early; its last line was {seen[0][:200]!r}",
            "check that a shell works there: log in with ssh and run 'sh -c id'",
        )
    states: States = {}
    for fact, keys in asked.items():
        if fact.via and fact.share:
            answer = fact.share(keys, answers.get(fact.via.name, []))
        else:
            answer = answers.get(fact.name, [])
        try:
            parsed = fact.parse(answer)
        except (ValueError, IndexError, KeyError) as error:
            raise HostError(
                f"the answer to {fact.name!r} is invalid: {str(error)[:200]}"
            ) from error
        states.update({(fact.name, key): state for key, state in parsed.items()})
    return states


def interpret(states: States, guide: Guide) -> Survey:
    """Return the platform, secrets and pending restarts from the states.

    Raises HostError without root's rights.
    """
    system = states.get((SYSTEM.name, ""), {})
    if system.get("uid") != "0":
        raise HostError(
            f"logged in without root's rights (uid {system.get('uid', 'unknown')})",
            "log in as root (ansible_user=root) or use sudo (ansible_become=yes)",
        )
    of_packages = {fact.name for fact in guide.versions}
    versions = {
        key.rsplit(" ", 1)[1]: str(state["version"])
        for (fact, key), state in states.items()
        if fact in of_packages
    }
    traits = {
        trait.name: str(state["value"])
        for trait in guide.platform_facts
        if (state := states.get((trait.name, "")))
    }
    found = {}
    for secret in guide.secrets:
        for place in secret.sources:
            state = states.get((SECRET.name, " ".join(place)))
            if state and secret.name not in found:
                found[secret.name] = SecretValue(str(state["value"]))
    pending = tuple(key for fact, key in states if fact == PENDING.name)
    return Survey(parse_platform(system, versions, traits), states, pending, found)
