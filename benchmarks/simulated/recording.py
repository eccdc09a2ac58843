"""What a real server has answered to each command, for others to say the same.

A survey is packed into its command line and has a nonce, new each time, which frames the answer.
So a command is known by its script with the nonce left out, and an answer gets the nonce asked for.
It is for the look-alike's own environment: nothing of mailfab is needed here.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

HOST_KEY, LOGIN_KEY, RECORDING = "host_key", "login_key", "recording.json"
"""The files of a look-alike's folder."""
PACKED = re.compile(r"echo ([A-Za-z0-9+/=]+)\|base64 -d\|gzip -dc\|")
NONCE = re.compile(r"@([0-9a-f]{16}) ")
NO_NONCE = "-the-nonce-here-"


@dataclass(frozen=True)
class Question:
    """A command, apart from what is new each time."""

    text: str
    nonce: str
    packed: bool
    """Whether the answer is wanted packed."""

    @classmethod
    def of(cls, command: str) -> Question:
        """Return what a command asks."""
        packed = PACKED.match(command)
        if not packed:
            return cls(command, NO_NONCE, packed=False)
        script = gzip.decompress(base64.b64decode(packed[1])).decode()
        found = NONCE.search(script)
        nonce = found[1] if found else NO_NONCE
        return cls(script.replace(nonce, NO_NONCE), nonce, packed=command.endswith("|gzip -1c"))


@dataclass(frozen=True)
class Answer:
    """What was said, unpacked and without the nonce; each character is a byte."""

    output: str
    code: int


class Recording:
    """Questions and their answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def learn(self, command: str, output: bytes, code: int) -> None:
        """Take in what a real server has said."""
        question = Question.of(command)
        said = gzip.decompress(output) if question.packed else output
        text = said.decode("latin-1").replace(question.nonce, NO_NONCE)
        self.answers[question.text] = Answer(text, code)

    def reply(self, command: str) -> tuple[bytes, int] | None:
        """Return the output and exit code for a command; None for one that was never asked."""
        question = Question.of(command)
        answer = self.answers.get(question.text)
        if answer is None:
            return None
        said = answer.output.replace(NO_NONCE, question.nonce).encode("latin-1")
        return (gzip.compress(said, 1) if question.packed else said), answer.code

    def save(self, path: Path) -> None:
        """Write everything down."""
        text = json.dumps({question: asdict(answer) for question, answer in self.answers.items()})
        path.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Return what is written there; nothing yet when there is no such file."""
        recording = cls()
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            recording.answers = {question: Answer(**answer) for question, answer in found.items()}
        return recording
