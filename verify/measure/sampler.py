"""What the hosts do under load, once a second, over the connections that verify has anyway."""

import contextlib
import json
import shlex
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.estate.machines import API, Machine, Machines, api_calls, has_own_api, unit_of
from verify.measure.programs import host_probe
from verify.reporting.recorder import InvalidMeasurementError

PROGRAM = Path(host_probe.__file__)
# Takes the program from its standard input, so that nothing has to be put on the host.
LOADER = "import sys; i = sys.stdin.buffer; exec(compile(i.read(int(i.readline())), 'host_probe', 'exec'))"
END_SECONDS = 5
FIRST_SECONDS = 15
CONTROLLER = "controller"


@dataclass(frozen=True)
class Reading:
    """One second of one host.

    Args:
        host: inventory name, or `CONTROLLER`.
        at: when it was read, on the controller's clock `time.perf_counter`.
        values: as `verify.measure.programs.host_probe` gives them; ``{}`` from a host that does not say it.
    """

    host: str
    at: float
    values: dict[str, Any] = field(repr=False)

    @property
    def machine(self) -> tuple[Any, ...]:
        """What tells machines apart: containers of one machine, and a controller that is one, share it."""
        return tuple(self.values["identity"])


def wanted(machine: Machine, groups: Iterable[str], database: str, seconds: float) -> dict[str, Any]:
    """Return what the program has to look at on a host.

    Args:
        machine: the host.
        groups: the groups that it is in.
        database: the application's database.
        seconds: when the program ends at the latest.
    """
    groups, variables = set(groups), machine.variables
    services = groups | ({API} if "odoo" in groups and has_own_api(machine) else set())
    asked: dict[str, Any] = {
        "seconds": seconds,
        "units": {service: unit_of(machine, service) for service in services},
    }
    if API in services:
        asked["odoo"] = {"port": int(variables["pos_api_port"]), "calls": api_calls(machine)}
    elif "odoo" in groups:
        asked["odoo"] = {"port": int(variables["odoo_http_port"]), "calls": None}
    if "postgresql" in groups:
        asked["postgresql"] = {"port": int(variables["postgresql_port"])}
    if "pgbouncer" in groups:
        asked["pgbouncer"] = {
            "folder": variables["__pgbouncer_known_settings"]["unix_socket_dir"],
            "port": int(variables["pgbouncer_listen_port"]),
            "database": database,
        }
    return asked


class Sampler:
    """The running programs, and what they have said so far."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []

    def start(self, name: str, command: Sequence[str], asked: dict[str, Any]) -> None:
        """Start the program on a host.

        Args:
            name: the host's.
            command: starts `LOADER` there.
            asked: as `wanted` gives it.
        """
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdin
        program = PROGRAM.read_bytes()
        process.stdin.write(b"%d\n" % len(program) + program + json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
        thread = threading.Thread(target=self._read, args=(name, process), daemon=True)
        thread.start()
        self._processes.append(process)
        self._threads.append(thread)

    def _read(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.readings.append(Reading(name, time.perf_counter(), json.loads(line)))

    def stop(self) -> None:
        """End the programs, by the end of their input."""
        for process in self._processes:
            assert process.stdin
            with contextlib.suppress(OSError):  # it may have ended by itself
                process.stdin.close()
        for process in self._processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads:
            thread.join(END_SECONDS)

    def between(self, began: float, ended: float) -> list[Reading]:
        """Return the readings of an interval of the controller's clock; half a second counts as whole."""
        return [reading for reading in list(self.readings) if began + 0.5 <= reading.at <= ended + 0.5]

    def of(self, host: str) -> list[Reading]:
        """Return all readings of a host."""
        return [reading for reading in list(self.readings) if reading.host == host]

    def await_first(self, hosts: Iterable[str]) -> None:
        """Wait until every host has said something.

        Raises:
            InvalidMeasurementError: one does not.
        """
        until, missing = time.perf_counter() + FIRST_SECONDS, set(hosts)
        while missing := missing - {reading.host for reading in list(self.readings)}:
            if time.perf_counter() > until:
                raise InvalidMeasurementError(
                    f"nothing can be sampled on {', '.join(sorted(missing))} within {FIRST_SECONDS} s:"
                    " /usr/bin/python3 and sudo are needed there"
                )
            time.sleep(0.05)


@contextmanager
def sampling(machines: Machines, database: str, seconds: float) -> Iterator[Sampler]:
    """Sample every host of the estate, and the controller, as long as the context lasts.

    Args:
        machines: the estate.
        database: the application's database.
        seconds: the bound on how long.

    Raises:
        InvalidMeasurementError: a host can't be sampled.
    """
    sampler = Sampler()
    try:
        for name, host in machines.estate.hosts.items():
            machine = machines.get(name)
            command = ["sudo", "-n", "/usr/bin/python3", "-u", "-c", LOADER]
            if not machine.connection.local:
                arguments = machine.connection.arguments
                command = ["ssh", *arguments, machine.address, shlex.join(command)]
            sampler.start(name, command, wanted(machine, host.groups, database, seconds))
        local = ["/usr/bin/env", "python3", "-u", "-c", LOADER]
        sampler.start(CONTROLLER, local, {"seconds": seconds, "units": {}})
        sampler.await_first([*machines.estate.hosts, CONTROLLER])
        yield sampler
    finally:
        sampler.stop()
