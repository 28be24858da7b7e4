"""Whether the figures of this section say something about the estate; it comes last."""

from collections.abc import Callable
from statistics import median

import pytest

from verify.measure.closed_loop import timed
from verify.measure.surroundings import Surroundings
from verify.reporting.document import Evidence, Measure
from verify.reporting.recorder import InvalidMeasurementError

CONCERN = "Soundness"
pytestmark = pytest.mark.last

CALLS = 10_000


def test_surroundings(
    surroundings: Surroundings, http_floor: float, keep: Callable[[Evidence], None]
) -> None:
    """Nothing else kept the machines busy while the response times were taken, and verify itself is light."""
    empty = timed([[lambda: ""] * CALLS])
    keep(Measure("driver: time added to each call", round(median(empty.milliseconds) * 1000, 2), "µs"))
    keep(Measure("client, network and web server: bare answer, p95", round(http_floor, 2), "ms"))
    found = surroundings.since(surroundings.began)
    assert found, "nothing was sampled"
    limits = surroundings.limits
    keep(Measure("driver: CPUs used", round(found.cores, 2), "CPUs"))
    keep(Measure("CPUs used by others, share", round(found.foreign, 3), "", limits.foreign))
    keep(Measure("CPU time kept by the hypervisor, share", round(found.steal, 3), "", limits.steal))
    if why := surroundings.unsound(surroundings.began):
        raise InvalidMeasurementError("; ".join(why))
