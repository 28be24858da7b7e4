"""What is left when the load is over."""

from collections.abc import Callable

import pytest

from verify.measure.resources import usage
from verify.sections.load.bench import Bench

CONCERN = "Load"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "pgbouncer", "postgresql")]


def test_settled(bench: Bench, measure: Callable[..., None]) -> None:
    """After the load nothing waits, no transaction is open, and what the cashiers left open is put away."""
    wrong = bench.cashiers.tidy()
    settled = bench.settle()
    measure("nothing waits after", round(settled, 1) if settled is not None else "never", "s")
    assert wrong == [], "drafts or shifts of the virtual cashiers could not be ended"
    assert settled is not None, (
        f"{bench.plan.recovery:g} s after the load: {usage(bench.sampler.readings[-2:])}"
        " (verify_load_recovery_seconds)"
    )
