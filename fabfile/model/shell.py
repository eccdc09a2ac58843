"""POSIX shell as text: quoting, and the format in which a script travels to a host.

Scripts run under the host's `sh`, which may be as old as bash 4.1 with coreutils 8.4 (CentOS 6).
The account's login shell starts them; it may be any shell, such as fish or csh.
"""

from __future__ import annotations

import base64
import gzip
import re
import secrets
import shlex
import zlib
from pathlib import Path

from fabfile.model.errors import UsageError

# The start of every script: the usual PATH, messages in English, files readable by root alone
# unless a fix says otherwise, root's client configuration also under sudo.
PRELUDE = """\
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
export PATH LC_ALL HOME
umask 077
cd /
"""

# Linux refuses a single argument of 128 KiB (MAX_ARG_STRLEN); leave room for sudo and sh.
MAX_COMMAND = 120 * 1024


def program(module: str, name: str) -> str:
    """Return the shell program in the file `name` beside a module (its `__file__`).

    Comments, indentation and empty lines are removed, since the program travels to every host.
    """
    text = Path(module).with_name(name).read_text(encoding="utf-8")
    return re.sub(r"(?m)^[ \t]*#.*\n|^[ \t]+|^\n", "", text)


def quote(value: str) -> str:
    """Return `value` as one word of shell. Raises UsageError for a NUL byte."""
    if "\0" in value:
        raise UsageError("a value has a NUL byte, which no shell, file name or setting can contain")
    return shlex.quote(value)


def words(*values: str) -> str:
    """Return the values as shell words, separated by spaces."""
    return " ".join(quote(value) for value in values)


def nonce() -> str:
    """Return an unpredictable marker for our own lines in a script's output."""
    return secrets.token_hex(8)


def script(functions: str, body: str, *, interactive: bool = False) -> str:
    """Return a whole script that runs `body` with the functions defined.

    The shell reads the body completely before it runs it, since it is a function. So a truncated
    script does nothing, and no child process can read the rest of it from standard input. An
    `interactive` script reads its input after its own last line, where some shells stop reading.
    """
    source = "" if interactive else " </dev/null"
    return f"{PRELUDE}{functions}\nmain() {{\n{body}\n:\n}}\nmain{source}; exit\n"


def pack_command(text: str, *, sudo: bool = False) -> str:
    """Return one command line that runs the script, safe under any login shell.

    Only letters, digits and `+/=` reach the login shell, so fish and csh read it as sh does. A
    command line is visible in `ps` on the host: it must hold no secret. The output is compressed
    too (see `unpack_output`): the host sends it in one piece, not in many small ones that wait for
    each other.
    """
    packed = base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
    command = f"echo {packed}|base64 -d|gzip -dc|{'sudo -n ' if sudo else ''}sh|gzip -1c"
    if len(command) > MAX_COMMAND:
        raise UsageError(f"a script of {len(command)} bytes is too long for one command line")
    return command


def with_start_mark(text: str) -> tuple[str, str]:
    """Return the script, made to print a line before all else, and that line.

    A login shell may print a text first, such as a greeting in ~/.bashrc, with or without a line
    feed at its end. What follows the line is the script's own output.
    """
    mark = f"@{nonce()} start"
    return f"printf '\\n%s\\n' '{mark}'\n{text}", mark


def after_mark(output: str, mark: str) -> str:
    """Return the output behind the line of `with_start_mark`; all of it if the line is missing."""
    before, found, after = output.partition(f"\n{mark}\n")
    return after if found else before


def unpack_output(output: bytes, limit: int) -> bytes:
    """Return the output of a `pack_command` script, decompressed, at most `limit` bytes.

    Text before it, such as a login shell's banner, is removed. Output that is not compressed is
    returned unchanged: it is the host's error message.
    """
    start = output.find(b"\x1f\x8b\x08")
    if start < 0:
        return output
    try:
        return zlib.decompressobj(wbits=31).decompress(output[start:], limit)
    except zlib.error:
        return output
