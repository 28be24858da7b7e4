"""Two reports side by side: what counts as a change, and what can't be said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit import verify_samples as samples
from verify.measure.comparison import Ratio, by_chance, judge, ratio_of_medians
from verify.reporting import compare, compare_view
from verify.reporting.document import Check, Measure

TENTH = 0.1
NAMES = ("before/report.json", "after/report.json")
Report = dict[str, Any]


@pytest.fixture(scope="module")
def before() -> Report:
    return samples.report()


def test_ratio_of_equal_rounds_is_one() -> None:
    ratio = ratio_of_medians([10.0, 11.0, 12.0, 13.0], [10.0, 11.0, 12.0, 13.0])
    assert ratio and ratio.interval
    low, high = ratio.interval
    assert ratio.value == 1
    assert low <= 1 <= high
    assert judge(ratio, 0) == "same"


def test_interval_of_the_ratio_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    runs, hits = 60, 0
    for _ in range(runs):
        one = random.normal(100, 8, 15).tolist()
        other = random.normal(130, 8, 15).tolist()
        ratio = ratio_of_medians(one, other)
        assert ratio and ratio.interval
        hits += ratio.interval[0] <= 1.3 <= ratio.interval[1]
    # A binomial count of 60 at 95 % is below 51 once in 1300 times.
    assert hits >= 51


def test_same_rounds_give_the_same_interval() -> None:
    rounds = ([10.0, 12.0, 11.0], [14.0, 13.0, 15.0])
    assert ratio_of_medians(*rounds) == ratio_of_medians(*rounds)


@pytest.mark.parametrize("rounds", [([], [1.0]), ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0])])
def test_nothing_is_divided_by_nothing(rounds: tuple[list[float], list[float]]) -> None:
    assert ratio_of_medians(*rounds) is None
    assert judge(None, TENTH) == "unknown"


def test_too_few_rounds_have_no_interval_and_no_judgement() -> None:
    ratio = ratio_of_medians([10.0, 10.5], [30.0, 31.0, 32.0])
    assert ratio and ratio.interval is None
    assert judge(ratio, TENTH) == "unknown"


@pytest.mark.parametrize(
    ("ratio", "change"),
    [
        (Ratio(1.3, (1.2, 1.4)), "slower"),
        (Ratio(1.3, (0.9, 1.8)), "same"),  # chance explains it
        (Ratio(1.08, (1.05, 1.11)), "same"),  # sure, but too little to matter
        (Ratio(0.7, (0.6, 0.8)), "faster"),
        (Ratio(0.93, (0.91, 0.96)), "same"),
        (Ratio(0.7, (0.5, 1.1)), "same"),
    ],
)
def test_a_change_is_sure_and_large(ratio: Ratio, change: str) -> None:
    assert judge(ratio, TENTH) == change


def test_a_report_is_no_worse_than_itself(before: Report) -> None:
    found = compare.compare(before, before, 0.0)
    assert len(found.latencies) == 88
    assert not found.of("slower") and not found.of("faster")
    assert not found.verdicts and not found.hosts and not found.measures
    assert compare.exit_status(found) == 0
    assert compare.headline(found) == "Nothing became worse"
    assert by_chance(88) == 5


def test_what_became_slower_is_found_and_named(before: Report) -> None:
    found = compare.compare(before, samples.report(samples.checks(1.5, seed=2)), TENTH)
    assert len(found.of("slower")) > 80
    assert found.latencies[0].change == "slower"
    assert compare.exit_status(found) == 1
    assert "became slower" in compare.headline(found)


def test_what_became_faster_is_no_regression(before: Report) -> None:
    found = compare.compare(samples.report(samples.checks(1.5, seed=2)), before, TENTH)
    assert len(found.of("faster")) > 80
    assert compare.exit_status(found) == 0


def test_a_change_within_the_tolerance_does_not_count(before: Report) -> None:
    after = samples.report(samples.checks(1.5, seed=2))
    assert not compare.compare(before, after, 2.0).of("slower")


def test_an_unsound_measurement_is_not_compared(before: Report) -> None:
    found = compare.compare(before, samples.report(samples.checks(3.0, seed=2)), TENTH)
    unsound = [latency for latency in found.latencies if latency.name == "getLaborReport x 10"]
    assert [(latency.change, latency.note) for latency in unsound] == [("unknown", "not soundly measured")]


def _without_performance(report: Report) -> Report:
    return samples.report(samples.other_checks())


def _more_cores(report: Report) -> Report:
    hosts = [
        host | {"facts": host["facts"] | {"cores": 8}} if host["facts"] else host for host in report["hosts"]
    ]
    return report | {"hosts": hosts}


def _older_series(report: Report) -> Report:
    return report | {"series": "14.0", "fallback": True}


def _read_only(report: Report) -> Report:
    return report | {"mode": "read-only", "cap": 5.0}


def _other_clients(report: Report) -> Report:
    checks = [
        check | {"latencies": [latency | {"clients": 7} for latency in check["latencies"]]}
        for check in report["checks"]
    ]
    return report | {"checks": checks}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without_performance, "B has none; B ran services"),
        (_more_cores, "pos1: cores was 4 and is 8"),
        (_older_series, "series was 15.0 and is 14.0"),
        (_read_only, "cap was None and is 5.0"),
        (_other_clients, "none of the same endpoint"),
    ],
)
def test_what_can_not_be_compared_is_not_judged(
    before: Report, change: Callable[[Report], Report], reason: str
) -> None:
    found = compare.compare(before, change(before), TENTH)
    assert reason in found.incomparable
    assert not found.of("slower") and not found.of("same")
    assert compare.exit_status(found) == 2


def test_two_reports_without_latencies_are_compared_by_their_verdicts() -> None:
    report = _without_performance({})
    found = compare.compare(report, report, TENTH)
    assert compare.exit_status(found) == 0


def test_no_check_in_common_is_no_comparison(before: Report) -> None:
    found = compare.compare(before, before | {"checks": []}, TENTH)
    assert compare.exit_status(found) == 2


def _report_of(verdict: str, host: str = "pos1", value: float = 10) -> Report:
    check = Check(
        f"verify/sections/services/test_a.py::test_a[{host}-tls]",
        f"A holds ({host})",
        "services",
        "A",
        verdict,  # type: ignore[arg-type]
        evidence=[Measure("round trip", value, "ms")],
    )
    report = samples.report([check])
    hosts = [{**host_of, "name": host} for host_of in report["hosts"][:1]]
    return report | {"hosts": hosts}


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("passed", "failed", 1),
        ("not_run", "failed", 1),
        ("passed", "error", 1),
        ("failed", "failed", 0),
        ("error", "failed", 0),
        ("failed", "passed", 0),
        ("passed", "not_run", 0),
    ],
)
def test_a_check_that_no_longer_holds_is_a_regression(one: str, other: str, status: int) -> None:
    found = compare.compare(_report_of(one), _report_of(other), TENTH)
    assert compare.exit_status(found) == status
    assert len(found.verdicts) == (one != other)


def test_hosts_may_be_named_differently() -> None:
    found = compare.compare(_report_of("passed", "old-1"), _report_of("failed", "old-10"), TENTH)
    assert found.common == 1
    assert found.newly_failing


def test_figures_that_changed_are_shown() -> None:
    found = compare.compare(_report_of("passed", value=10), _report_of("passed", value=20), TENTH)
    assert [(figure.name, figure.ratio) for figure in found.measures] == [("round trip", 2.0)]
    assert compare.exit_status(found) == 0


def test_settings_and_knees_that_differ_are_shown(before: Report) -> None:
    checks = [
        replace(check, evidence=[samples.load_run(40.0)]) if check.section == "load" else check
        for check in samples.checks()
    ]
    after = samples.report(checks)
    after["hosts"][0]["settings"] = samples.SETTINGS | {"odoo_workers": 6}
    found = compare.compare(before, after, TENTH)
    assert [(row.name, row.before, row.after) for row in found.hosts] == [("pos1: odoo_workers", "4", "6")]
    assert "60 requests/s" in found.loads[0].before and "40 requests/s" in found.loads[0].after


def test_page_is_self_contained_and_says_it_all(before: Report) -> None:
    found = compare.compare(before, _more_cores(samples.report(samples.checks(1.5, 2))), TENTH)
    page = compare_view.page(found, NAMES)
    for text in (*NAMES, "Not comparable", "pos1: cores", "listOrders"):
        assert text in page
    assert 'src="http' not in page and "<script" not in page
    judged = compare_view.page(compare.compare(before, samples.report(samples.checks(1.5, 2)), TENTH), NAMES)
    assert '<svg class="chart"' in judged
