"""Look for secrets where none may be: texts, process lists, files of a host, its journal."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.harness import hosts


def spellings(secret: str) -> list[str]:
    """Return a secret as it is and as part of a base64 text, whatever stands before it there."""
    found = [secret]
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret.encode()).decode()
        # The first characters mix with what stands before, the last ones with what follows.
        found.append(whole[[0, 2, 3][before] : -4])
    return found


def in_text(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets that a text gives away."""
    return [name for name, secret in secrets.items() if any(word in text for word in spellings(secret))]


def in_folder(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Return "file: secret" for every file below a folder that gives one away."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [
        f"{path}: {name}" for path in files for name in in_text(path.read_text(errors="replace"), secrets)
    ]


def in_files(run: hosts.Run, host: str, secret: str, user: str = "root") -> list[str]:
    """Return the files of a host that hold a secret and that a user can read.

    Args:
        run: The run the host belongs to.
        host: Name of the host.
        secret: What to look for, also in base64.
        user: Who looks; nobody sees what is world-readable.
    """
    # grep answers 1 for "nothing found" and 2 where it may not read, both are expected here.
    words = "\n".join(spellings(secret))
    script = (
        "tops=$(ls -d /* /dev/shm | grep -vxE '/(proc|sys|dev)')\n"
        f"runuser -u {user} -- grep -rlsF -D skip -f - $tops <<'WORDS' || true\n{words}\nWORDS\n"
    )
    return hosts.shell(run, host, script, timeout=300).splitlines()


def in_journal(run: hosts.Run, host: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets that a host's journal gives away, in any field of any entry."""
    journal = hosts.shell(run, host, "journalctl --no-pager --output=export --all")
    assert "MESSAGE=" in journal, f"the journal of {host} is empty"
    return in_text(journal, secrets)


class ProcessWatch:
    """Samples all command lines of this machine, and so of its test hosts, while it is entered.

    Args:
        secrets: What to look for, by name.
        pause: Seconds between two samples.
    """

    def __init__(self, secrets: Mapping[str, str], pause: float = 0.05) -> None:
        self.seen: set[str] = set()
        self.samples = 0
        self._secrets = secrets
        self._pause = pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self._pause):
            self.samples += 1
            lines = _command_lines()
            if in_text("\n".join(lines), self._secrets):  # seldom: one search for all lines is cheap
                self.seen |= {
                    f"{name}: {line[:200]}" for line in lines for name in in_text(line, self._secrets)
                }


def _command_lines() -> list[str]:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines
