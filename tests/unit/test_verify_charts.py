"""The charts of a report: what they draw and say, and that they are the same each time."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from typing import Any

import pytest

from tests.unit import verify_samples as samples
from verify.reporting import charts

RUN = asdict(samples.load_run())
LATENCIES = [
    latency
    for check in samples.report(samples.latency_checks())["checks"]
    for latency in check["latencies"]
    if latency["group"] == "list"
]
DRAWN = {
    "latencies": lambda: charts.latencies("list", LATENCIES),
    "steps": lambda: charts.steps(RUN),
    "timeline": lambda: charts.timeline(RUN),
    "ratios": lambda: charts.ratios(
        [{"label": "getMe x 1", "ratio": 1.4, "low": 1.2, "high": 1.6, "verdict": "slower"}], 0.1
    ),
}


def _texts(picture: str) -> str:
    tree = ElementTree.fromstring(picture)
    return " | ".join("".join(found.itertext()) for found in tree.iter() if found.tag.endswith("}text"))


@pytest.mark.parametrize("name", DRAWN)
def test_charts_are_the_same_each_time(name: str) -> None:
    assert DRAWN[name]() == DRAWN[name]()


@pytest.mark.parametrize("name", DRAWN)
def test_charts_say_what_they_show_and_bring_no_colours_of_their_own(name: str) -> None:
    picture = DRAWN[name]()
    tree = ElementTree.fromstring(picture)
    assert tree.get("role") == "img"
    assert tree.get("aria-label") == tree[0].text
    assert tree.get("width") is None and tree.get("viewBox")
    assert not re.findall(r"(?:fill|stroke): #\w+", picture)
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", picture)


def test_thresholds_and_the_slowest_are_named() -> None:
    texts = _texts(DRAWN["latencies"]())
    for text in (
        "at most 150 ms, 1 client",
        "at most 375 ms, 10 clients",
        "10 clients: listOrders",
        "99.9 %",
    ):
        assert text in texts


def test_knee_is_marked() -> None:
    assert "knee 60/s" in _texts(charts.steps(RUN))
    none = asdict(replace(samples.load_run(), knee=None))
    assert "knee" not in _texts(charts.steps(none))
    assert "no step held" in charts.steps(none)


def test_what_was_not_seen_has_no_line() -> None:
    texts = _texts(charts.timeline(RUN))
    assert "for a lock" in texts
    assert "for the disk" not in texts
    blind = {**RUN, "timeline": [{"second": 0.0, "offered": 1.0, "p95": None}, {"second": 1.0}]}
    texts = _texts(charts.timeline(blind))
    assert "Odoo's workers" not in texts
    assert "p95" not in texts


@pytest.mark.parametrize("picture", ["steps", "timeline"])
def test_odd_runs_can_be_drawn(picture: str) -> None:
    step = RUN["steps"][0] | {"p50": 0.0, "p95": 0.0, "p99": 0.0, "achieved": 0.0, "errors": 200}
    odd: list[dict[str, Any]] = [
        {**RUN, "steps": [step], "knee": None, "timeline": []},
        {**RUN, "name": "a <b> & c", "timeline": RUN["timeline"][:1]},
    ]
    for run in odd:
        assert ElementTree.fromstring(getattr(charts, picture)(run)) is not None


def test_latencies_without_answers_or_thresholds_can_be_drawn() -> None:
    silent = LATENCIES[0] | {"distribution": [], "threshold": None, "p95": 0.0, "count": 0}
    even = LATENCIES[1] | {"distribution": [(0.0, 5.0), (0.5, 5.0), (1.0, 5.0)], "threshold": None}
    assert "at most" not in _texts(charts.latencies("list", [silent, even]))
