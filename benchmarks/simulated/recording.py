"""A recording: the answers of a real server by command.

A survey is packed into its command line. A nonce, new each time, frames the answer. So the key of a
command is its script without the nonce, and an answer gets the nonce of its command. This module
runs in the environment of the replay server, which has no mailfab.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

HOST_KEY, LOGIN_KEY, RECORDING = "host_key", "login_key", "recording.json"
"""The files in the folder of a replay server."""
PACKED = re.compile(r"echo ([A-Za-z0-9+/=]+)\|base64 -d\|gzip -dc\|")
NONCE = re.compile(r"@([0-9a-f]{16}) ")
NO_NONCE = "-the-nonce-here-"


@dataclass(frozen=True)
class Question:
    """A command without its nonce."""

    text: str
    nonce: str
    packed: bool
    """Whether the answer must be compressed."""

    @classmethod
    def of(cls, command: str) -> Question:
        """Return the question of a command line."""
        packed = PACKED.match(command)
        if not packed:
            return cls(command, NO_NONCE, packed=False)
        script = gzip.decompress(base64.b64decode(packed[1])).decode()
        found = NONCE.search(script)
        nonce = found[1] if found else NO_NONCE
        return cls(script.replace(nonce, NO_NONCE), nonce, packed=command.endswith("|gzip -1c"))


@dataclass(frozen=True)
class Answer:
    """The output, uncompressed and without the nonce, as Latin-1; and the exit code."""

    output: str
    code: int


class Recording:
    """The answers by question."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def learn(self, command: str, output: bytes, code: int) -> None:
        """Add the output and exit code of a real server."""
        question = Question.of(command)
        plain = gzip.decompress(output) if question.packed else output
        text = plain.decode("latin-1").replace(question.nonce, NO_NONCE)
        self.answers[question.text] = Answer(text, code)

    def reply(self, command: str) -> tuple[bytes, int] | None:
        """Return the output and exit code of a command, or None if it is not recorded."""
        question = Question.of(command)
        answer = self.answers.get(question.text)
        if answer is None:
            return None
        plain = answer.output.replace(NO_NONCE, question.nonce).encode("latin-1")
        return (gzip.compress(plain, 1) if question.packed else plain), answer.code

    def save(self, path: Path) -> None:
        """Write all answers as JSON."""
        text = json.dumps({question: asdict(answer) for question, answer in self.answers.items()})
        path.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Return the saved recording, or an empty one if the file does not exist."""
        recording = cls()
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            recording.answers = {question: Answer(**answer) for question, answer in found.items()}
        return recording
