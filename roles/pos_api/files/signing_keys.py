#!/usr/bin/python3
# Managed by Ansible (role tillstack.odoo_pos.pos_api).
"""The keys that sign and verify the API's access tokens on this host: made, switched, shared and retired.

    signing-keys FOLDER first --type TYPE     make the first key and sign with it; nothing if there is one
    signing-keys FOLDER next --type TYPE      make the key to sign with next; published, but not signed with
    signing-keys FOLDER activate              sign with that key from now on
    signing-keys FOLDER show                  print this host's own keys, public parts only, as JSON
    signing-keys FOLDER tidy --overlap SECS   take over other hosts' public keys (their `show`, a JSON list on
                                              standard input), drop keys that stopped signing SECS ago

A line is printed for each change, nothing where there was nothing to do. `--dry-run` prints and changes
nothing. A private key is written once, on the host that makes it, and never printed.

The folder holds what the addon reads (`<kid>.pem`, `<kid>.pub.pem`, `active`) and `state.json`, which the
addon ignores: what the files themselves do not tell. Each file is written beside its place, synchronised and
renamed, so that it is whole or not there, also after a power cut. Every command can be interrupted anywhere
and run again.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TYPES = {
    "Ed25519": ["-algorithm", "ED25519"],
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}
KID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # also keeps names that others announce inside the folder


class Folder:
    """A key folder as it is on the disk.

    Args:
        path: The folder.
        dry: Print what would change and leave it.

    Attributes:
        active: kid that is signed with, "" where there is none yet.
        next: kid of the key that is made and not signed with yet, "" for none.
        stopped: When a key stopped signing, by kid, in seconds since 1970.
        foreign: kids that were taken over from other hosts.
        changed: Whether a change was printed.
    """

    def __init__(self, path: Path, dry: bool) -> None:
        self.path, self.dry, self.changed = path, dry, False
        active, state = path / "active", path / "state.json"
        self.active = active.read_text().strip() if active.exists() else ""
        kept = json.loads(state.read_text()) if state.exists() else {}
        self.stopped: dict[str, int] = kept.get("stopped", {})
        self.foreign: set[str] = set(kept.get("foreign", []))
        # the switch is one rename, so a run that ended right after it has left "next" behind
        self.next: str = kept.get("next", "")
        if self.next == self.active or not self.private(self.next).exists():
            self.next = ""

    def private(self, kid: str) -> Path:
        """Return the place of a private key."""
        return self.path / f"{kid}.pem"

    def public(self, kid: str) -> Path:
        """Return the place of a public key."""
        return self.path / f"{kid}.pub.pem"

    def private_kids(self) -> list[str]:
        """Return the kids whose private key is here."""
        return sorted(p.name[:-4] for p in self.path.glob("*.pem") if not p.name.endswith(".pub.pem"))

    def public_kids(self) -> list[str]:
        """Return the kids that have a file of their public key."""
        return sorted(p.name[:-8] for p in self.path.glob("*.pub.pem"))

    def say(self, line: str) -> None:
        """Print a change."""
        self.changed = True
        print(line, flush=True)

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file into its place, readable by the folder's owner only."""
        part, owner = self.path / f".{name}.part", self.path.stat()
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as stream:
            os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(self.path / name)
        self.synchronise()

    def remove(self, path: Path) -> None:
        """Remove a file for good."""
        path.unlink(missing_ok=True)
        self.synchronise()

    def synchronise(self) -> None:
        """Have the folder's own entries on the disk."""
        descriptor = os.open(self.path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def save(self) -> None:
        """Write the state, and then `active` anew.

        Workers compare the folder's time stamp, which the kernel counts in steps of milliseconds: two changes
        within one step look like one. A new file for `active` has another inode, which they compare too, so
        nobody misses the last change.
        """
        state = {"next": self.next, "stopped": self.stopped, "foreign": sorted(self.foreign)}
        self.write("state.json", json.dumps(state, sort_keys=True).encode())
        if self.active:
            self.write("active", f"{self.active}\n".encode())


def pem_of(folder: Folder, kid: str) -> str:
    """Return the public key of a kid in PEM."""
    if folder.private(kid).exists():
        return openssl("pkey", "-in", str(folder.private(kid)), "-pubout").decode()
    return folder.public(kid).read_text()


def openssl(*arguments: str, text: bytes = b"") -> bytes:
    """Return what openssl printed; ``text`` is its standard input."""
    return subprocess.run(["openssl", *arguments], check=True, input=text, stdout=subprocess.PIPE).stdout


def new_key(folder: Folder, kind: str) -> str:
    """Make a private key and return its kid, which says when it was made (RFC 7515, section 4.1.4)."""
    kid = f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(4)}"
    folder.say(f"made {kid if not folder.dry else 'a key'} ({kind})")
    if not folder.dry:
        folder.write(f"{kid}.pem", openssl("genpkey", *TYPES[kind]))
    return kid


def make_first(folder: Folder, kind: str) -> None:
    """Make the host's first key and sign with it; nothing where a key is active."""
    if folder.active:
        return
    kid = new_key(folder, kind)
    if not folder.dry:
        folder.write("active", f"{kid}\n".encode())


def make_next(folder: Folder, kind: str, fresh: bool) -> None:
    """Make the key to sign with next, or keep the one that an interrupted rotation has made.

    Args:
        folder: The key folder.
        kind: Type of the key.
        fresh: Make another one in any case: what an intruder may have read is not used.
    """
    if folder.next and not fresh:
        return
    discarded, folder.next = folder.next, new_key(folder, kind)
    if not folder.dry:
        folder.save()
        if discarded:
            folder.remove(folder.private(discarded))
            folder.save()


def activate(folder: Folder) -> None:
    """Sign with the next key; the one before stops signing now."""
    if not folder.next:
        return
    folder.say(f"signing with {folder.next} instead of {folder.active}")
    if folder.dry:
        return
    before, folder.active, folder.next = folder.active, folder.next, ""
    # the switch comes first: a key that still signs must never be noted as stopped
    folder.write("active", f"{folder.active}\n".encode())
    folder.stopped[before] = int(time.time())
    folder.save()


def announcement(folder: Folder, now: int) -> list[dict[str, Any]]:
    """Return this host's own keys: kid, public key in PEM, and when it stopped signing or None."""
    private = folder.private_kids()
    own = set(private) | (set(folder.stopped) & set(folder.public_kids()) - folder.foreign)
    found = []
    for kid in sorted(own):
        in_use = kid in (folder.active, folder.next)
        stopped = None if in_use else folder.stopped.get(kid, now)
        found.append({"kid": kid, "public": pem_of(folder, kid), "stopped": stopped})
    return found


def take_over(folder: Folder, announced: list[dict[str, Any]]) -> None:
    """Write the public keys that other hosts sign with, will sign with or have signed with lately."""
    for entry in announced:
        kid, public = entry["kid"], entry["public"].encode()
        place = folder.public(kid)
        if not (place.exists() and place.read_bytes() == public):
            folder.say(f"accepting {kid} of another host")
            if not folder.dry:
                # one unreadable file would keep new workers from reading any
                openssl("pkey", "-pubin", "-noout", text=public)
                folder.write(place.name, public)
        folder.foreign.add(kid)
        if entry["stopped"] is None:
            folder.stopped.pop(kid, None)
        else:
            folder.stopped.setdefault(kid, entry["stopped"])


def tidy(folder: Folder, others: list[dict[str, Any]], overlap: int, complete: bool, strict: bool) -> None:
    """Bring the folder to what it should hold now.

    Args:
        folder: The key folder.
        others: What `show` printed on the other hosts of the same database.
        overlap: Seconds that a key is accepted after it stopped signing.
        complete: `others` has every other host: a key taken over that none of them announces has stopped
            signing.
        strict: Drop every key that is neither this host's own nor announced, also those placed by hand.
    """
    now = int(time.time())
    stopped, foreign = dict(folder.stopped), set(folder.foreign)
    private = set(folder.private_kids())
    own = private | (set(folder.stopped) - folder.foreign)
    announced = {entry["kid"]: entry for host in others for entry in host["keys"]}
    if not all(map(KID.fullmatch, announced)):
        raise SystemExit(f"another host announces names that are no kid: {sorted(announced)}")
    gone = set(folder.public_kids()) - own - set(announced)
    take_over(
        folder,
        [
            entry
            for kid, entry in announced.items()
            if kid not in own
            and (kid in folder.foreign or entry["stopped"] is None or now - entry["stopped"] < overlap)
        ],
    )
    for kid in private | (gone if strict else gone & folder.foreign if complete else set()):
        folder.stopped.setdefault(kid, now)
    for kid in (folder.active, folder.next):
        folder.stopped.pop(kid, None)
    for kid in sorted(folder.stopped.keys() - stopped.keys()):
        folder.say(f"{kid} has stopped signing")
    drop = {kid for kid, at in folder.stopped.items() if now - at >= overlap}
    removed = demote(folder, private & set(folder.stopped) - drop)
    for kid in sorted(drop):
        folder.say(f"no longer accepting {kid}")
        removed += [folder.private(kid), folder.public(kid)]
        del folder.stopped[kid]
    folder.foreign -= drop
    if folder.dry:
        return
    for path in removed:
        folder.remove(path)
    if folder.changed or (stopped, foreign) != (folder.stopped, folder.foreign):
        folder.save()


def demote(folder: Folder, kids: set[str]) -> list[Path]:
    """Keep of keys that stopped signing what verifies, and return the private keys to remove."""
    for kid in sorted(kids):
        folder.say(f"keeping only the public key of {kid}")
        if not folder.dry:
            folder.write(folder.public(kid).name, pem_of(folder, kid).encode())
    return [folder.private(kid) for kid in sorted(kids)]


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other runs of this program out of the folder meanwhile."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def arguments(words: list[str]) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = argparse.ArgumentParser(prog="signing-keys")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("first", "next"):
        making = commands.add_parser(name)
        making.add_argument("--type", choices=TYPES, required=True)
        if name == "next":
            making.add_argument("--fresh", action="store_true")
    commands.add_parser("activate")
    commands.add_parser("show")
    tidying = commands.add_parser("tidy")
    tidying.add_argument("--overlap", type=int, required=True)
    tidying.add_argument("--complete", action="store_true")
    tidying.add_argument("--strict", action="store_true")
    return parser.parse_args(words)


def main(words: list[str]) -> None:
    """Run one command."""
    given = arguments(words)
    with alone(given.folder):
        folder = Folder(given.folder, given.dry_run)
        if given.command == "first":
            make_first(folder, given.type)
        elif given.command == "next":
            make_next(folder, given.type, given.fresh)
        elif given.command == "activate":
            activate(folder)
        elif given.command == "show":
            own = announcement(folder, int(time.time()))
            print(json.dumps({"active": folder.active, "next": folder.next, "keys": own}))
        else:
            tidy(folder, json.load(sys.stdin), given.overlap, given.complete, given.strict)


if __name__ == "__main__":
    main(sys.argv[1:])
