# This file is managed by Ansible.
"""Put the files of the API's documentation page into place.

Usage: place_api_docs.py WHEEL TARGET

They are taken out of the wheel beside TARGET first, so that TARGET is at any time complete or absent.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist"
FILES = ("LICENSE", "swagger-ui-bundle.js", "swagger-ui.css")


def place(wheel: Path, target: Path) -> None:
    """Write the files of `wheel` that the page needs into a new folder `target`.

    Raises KeyError when the wheel lacks one of them, OSError when the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "page"
        fresh.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for name in FILES:
                (fresh / name).write_bytes(archive.read(f"{FOLDER}/{name}"))
                (fresh / name).chmod(0o644)
        fresh.chmod(0o755)
        fresh.rename(target)


if __name__ == "__main__":
    try:
        place(Path(sys.argv[1]), Path(sys.argv[2]))
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"the documentation page could not be unpacked: {error}")
