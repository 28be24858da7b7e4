"""Owners and modes of many files at once."""

from verify.estate.shell import FileFacts, Shell


def find_facts(shell: Shell, *patterns: str) -> dict[str, FileFacts]:
    """Return owner and mode of every file that a shell pattern fits, by path; links are followed.

    Args:
        shell: the host.
        patterns: paths with the shell's wildcards, without blanks; one that fits nothing adds nothing.
    """
    text = shell.output(
        f"for path in {' '.join(patterns)}; do"
        ' if [ -e "$path" ]; then stat -L -c "%U %G %a %n" "$path"; fi; done'
    )
    found = {}
    for line in text.splitlines():
        user, group, mode, path = line.split(" ", 3)
        found[path] = FileFacts(user, group, int(mode, 8))
    return found


def open_to_others(found: dict[str, FileFacts]) -> list[str]:
    """Return the files that every user of the host may read, write or enter, each with its mode."""
    return [
        f"{path} ({facts.user}:{facts.group} {facts.mode:04o})"
        for path, facts in sorted(found.items())
        if facts.mode & 0o007
    ]
