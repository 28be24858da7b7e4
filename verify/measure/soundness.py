"""Decides whether figures of a load run say something about the estate, or about the driver and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.measure.open_loop import Driven
from verify.measure.resources import foreign_share, steal_share
from verify.measure.sampler import Reading
from verify.reporting.document import Measure
from verify.reporting.recorder import InvalidMeasurementError


@dataclass(frozen=True)
class Limits:
    """What the surroundings may do to a run; the role verify describes the variables.

    Args:
        lag_ms: ``verify_load_driver_lag_ms``: the driver may send later than intended, 99th percentile.
        foreign: ``verify_load_foreign_cpu``: share of a machine's CPUs that others may use.
        steal: ``verify_load_steal``: share of CPU time that a hypervisor may keep back.
    """

    lag_ms: float
    foreign: float
    steal: float


@dataclass(frozen=True)
class Circumstances:
    """How a run was driven, and what else was going on.

    Args:
        lag_ms: how much later than intended calls were sent, 99th percentile.
        late_ms: how much later than due the driver's event loop woke up, 99th percentile: by as much may an
            answer have been noticed late.
        cores: CPUs that verify itself used.
        call_ms: CPU time of verify a call.
        foreign: share of the busiest machine's CPUs that neither the stack nor verify used.
        steal: share of CPU time that a hypervisor kept from the machine that lost most.
    """

    lag_ms: float
    late_ms: float
    cores: float
    call_ms: float
    foreign: float
    steal: float

    def measures(self, limits: Limits, when: str = "") -> list[Measure]:
        """Return the figures for the report.

        Args:
            limits: what is allowed.
            when: tells several runs of a check apart.
        """
        found = self._measures(limits)
        return [replace(one, name=f"{one.name}, {when}") for one in found] if when else found

    def _measures(self, limits: Limits) -> list[Measure]:
        return [
            Measure("driver: sent later than intended, p99", round(self.lag_ms, 1), "ms", limits.lag_ms),
            Measure("driver: event loop late, p99", round(self.late_ms, 1), "ms"),
            Measure("driver: CPUs used", round(self.cores, 2), "CPUs"),
            Measure("driver: CPU time a call", round(self.call_ms, 2), "ms"),
            Measure("CPUs used by others, share", round(self.foreign, 3), "", limits.foreign),
            Measure("CPU time kept by the hypervisor, share", round(self.steal, 3), "", limits.steal),
        ]


def circumstances(driven: Driven, readings: Sequence[Reading]) -> Circumstances:
    """Return how a run was driven.

    Args:
        driven: the run.
        readings: of all hosts and the controller while calls were to be sent.
    """
    lags = [sample.sent - sample.intended for sample in driven.samples]
    lasted = driven.ended - driven.began
    cores = driven.cpu_seconds / lasted
    return Circumstances(
        lag_ms=_p99(lags),
        late_ms=_p99(driven.late),
        cores=cores,
        call_ms=driven.cpu_seconds * 1000 / max(1, len(driven.samples)),
        foreign=foreign_share(readings, cores),
        steal=steal_share(readings),
    )


def _p99(seconds: Sequence[float]) -> float:
    return float(np.quantile(seconds, 0.99)) * 1000 if len(seconds) else 0.0


def reasons(found: Circumstances, limits: Limits) -> list[str]:
    """Return why a run is not sound; nothing if it is."""
    wrong = []
    if found.foreign > limits.foreign:
        wrong.append(
            f"{found.foreign:.0%} of a machine's CPUs worked for neither the stack nor verify"
            f" (verify_load_foreign_cpu allows {limits.foreign:.0%}): end what else runs there"
        )
    if found.steal > limits.steal:
        wrong.append(
            f"a hypervisor kept {found.steal:.0%} of the CPU time back"
            f" (verify_load_steal allows {limits.steal:.0%})"
        )
    if found.lag_ms > limits.lag_ms:
        wrong.append(
            f"the driver sent up to {found.lag_ms:.0f} ms later than intended (verify_load_driver_lag_ms"
            f" allows {limits.lag_ms:g} ms, 99th percentile) and used {found.cores:.2f} CPUs:"
            " run verify on another machine"
        )
    return wrong


def require_sound(found: Circumstances, limits: Limits, what: str) -> None:
    """Let only sound figures pass.

    Args:
        found: how the run was driven.
        limits: what is allowed.
        what: the run, for the message.

    Raises:
        InvalidMeasurementError: the figures say nothing about the estate.
    """
    if wrong := reasons(found, limits):
        raise InvalidMeasurementError(f"{what}: {'; '.join(wrong)}")


def require_quiet(readings: Sequence[Reading], limits: Limits) -> None:
    """Let a load run begin only where nothing else is going on.

    Args:
        readings: of some seconds without load of verify's.
        limits: what is allowed.

    Raises:
        InvalidMeasurementError: others use the CPUs.
    """
    quiet = Circumstances(0, 0, 0, 0, foreign_share(readings, 0.0), steal_share(readings))
    require_sound(quiet, limits, "before the load")
