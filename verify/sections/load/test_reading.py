"""Load that changes nothing and stays under the rate that the inventory allows."""

from collections.abc import Callable

import pytest

from verify.clients.standing_login import StandingLogin
from verify.clients.web import Site
from verify.estate.described import Estate
from verify.measure.knee import judged
from verify.measure.load_plan import LoadPlan
from verify.measure.open_loop import OpenLoop, Sample, constant
from verify.measure.soundness import circumstances, require_sound
from verify.measure.statistics import summarise
from verify.reporting.document import Evidence, Measure
from verify.shop.cashiers import Readers

CONCERN = "Load"

pytestmark = pytest.mark.explained_by("odoo", "nginx")

SECONDS = 10.0
SHARE = 0.8  # of the allowed rate, so that no window of a second has more calls for being shifted
SEED = 15


def test_reading_load(
    site: Site,
    reader: StandingLogin,
    estate: Estate,
    plan: LoadPlan,
    keep: Callable[[Evidence], None],
) -> None:
    """Calls that only read are answered within the objectives, at no more than verify_read_only_rate."""
    allowed = float(estate.variable("verify_read_only_rate"))
    rate = SHARE * allowed
    reader.request("GET", "/auth/me").raise_for_status()
    bearer = {"Authorization": f"Bearer {reader.tokens['access_token']}"}
    with OpenLoop(site, plan.bounds) as driver:
        driven = driver.run(Readers(bearer, SEED), constant(rate, SECONDS), SECONDS)
    require_sound(circumstances(driven, []), plan.limits, f"{rate:g} calls/s")
    good = [sample.milliseconds for sample in driven.samples if not sample.failure]
    step = judged(rate, driven, plan.objectives)
    most = _most_in_a_second(driven.samples)
    keep(
        summarise(
            "reading tills",
            "list",
            [good],
            driver="open",
            clients=1,
            errors=step.errors,
            seconds=SECONDS,
            offered=rate,
        )
    )
    keep(Measure("calls in any second, most", most, "", max(1.0, allowed)))
    assert most <= max(1.0, allowed), f"{most} calls in a second, verify_read_only_rate allows {allowed:g}"
    assert step.held, step.reason


def _most_in_a_second(samples: tuple[Sample, ...]) -> int:
    """Return the most calls that were sent in any second, wherever it begins."""
    sent = sorted(sample.sent for sample in samples)
    return max((sum(1 for other in sent if at <= other < at + 1) for at in sent), default=0)
