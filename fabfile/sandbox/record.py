"""The stored record of a server: its image, layers and latency."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from fabfile.sandbox import state


@dataclass(frozen=True)
class Record:
    """A server's image, its layers (topmost first) and the latency added to a round trip."""

    image: str
    layers: list[str]
    latency_ms: float = 0

    @classmethod
    def load(cls, name: str) -> Record | None:
        """Return a server's record, or None if it is missing or incomplete."""
        try:
            found = json.loads((state.host(name) / "server.json").read_text())
            return cls(found["image"], found["layers"], float(found["latency_ms"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, name: str) -> None:
        """Write the record."""
        state.write(state.host(name) / "server.json", json.dumps(asdict(self)) + "\n")
