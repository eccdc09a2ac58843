"""Root on a host: the command that runs a script as root, and its standard input."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fabfile.model import shell
from fabfile.model.redact import SecretValue

MARKER = "mailfab-script-follows"
SKIP = f'while IFS= read -r l; do [ "$l" = {MARKER} ] && exec sh; done'


@dataclass(frozen=True)
class Sudo:
    """Whether scripts need sudo to run as root, and the password if sudo asks for one."""

    wanted: bool = False
    password: SecretValue | None = None

    def for_user(self, user: str) -> Sudo:
        """Return what a user needs: root needs no sudo."""
        return NO_SUDO if user == "root" else self

    def with_password(self, password: str | None) -> Sudo:
        """Return this with a password, unless it has one. Who has a password wants sudo."""
        if self.password is not None or password is None:
            return self
        return replace(self, wanted=True, password=SecretValue(password))

    def wrap(self, script: str, *, private: bool = False) -> tuple[str, str]:
        """Return the command that runs a script as root, and its standard input.

        The script is in the command if it may be seen on the host and sudo asks for no password:
        that takes a round trip less. The standard input is empty then, and the output compressed
        (see `shell.unpack_output`).
        """
        with_password = self.wanted and self.password is not None
        if not private and not with_password:
            return shell.pack_command(script, sudo=self.wanted), ""
        if not self.wanted:
            return "exec sh", script
        if self.password is None:
            return "exec sudo -n sh", script
        # A sudo that does not ask for the password leaves its line to the shell. So the loop skips
        # all lines before the marker, whether or not sudo has read the password.
        stdin = f"{self.password.reveal()}\n{MARKER}\n{script}"
        return f"exec sudo -k -S -p '' sh -c '{SKIP}'", stdin


NO_SUDO = Sudo()
"""For root, and for accounts that the inventory does not say need sudo."""
