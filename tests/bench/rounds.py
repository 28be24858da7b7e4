"""Rounds of several targets in turn, and what they say about one against the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tests.bench.wrk import Figures
from verify.measure.comparison import ratio_of_medians

OURS = "ours"


@dataclass(frozen=True)
class Row:
    """One line of the result: the API against one peer.

    Args:
        name: class.
        subject: what is read or written.
        peer: who it is held against.
        tls: whether the requests came through nginx with TLS; else straight to the application's port.
        concurrency: clients at the same time.
        ours, peer_figures: ``what``, and medians over the rounds of ``ms``, ``p99`` and ``per_second``, with
            those of each round.
        ratio: how many times as fast: of the medians' times with one client, of the rates with more.
        interval: its 95 % confidence interval, None where there are too few rounds.
        spread: greatest over least round of each side, less 1.
        rounds: of each side.
        goal: the ratio that is wanted; None for what only informs.
        wrong: why the row says nothing; nothing if it does.
    """

    name: str
    subject: str
    peer: str
    tls: bool
    concurrency: int
    ours: Mapping[str, Any]
    peer_figures: Mapping[str, Any]
    ratio: float | None
    interval: tuple[float, float] | None
    spread: Mapping[str, float]
    rounds: int
    goal: float | None
    wrong: str

    def document(self) -> dict[str, Any]:
        """Return the row as bench.json has it."""
        found = asdict(self)
        return {
            "class": found.pop("name"),
            "against": found.pop("peer"),
            "peer": found.pop("peer_figures"),
            **found,
        }


def in_turn(sides: Mapping[str, Callable[[int], Figures]], rounds: int) -> dict[str, list[Figures]]:
    """Warm each side up, then run them one after the other, again and again; return the rounds of each.

    A busy moment of the machine so meets all of them, and not the one that was on then.

    Args:
        sides: makes one round of a side, given its number: from 1, 0 to warm up.
        rounds: of each side.
    """
    for run in sides.values():
        run(0)
    found: dict[str, list[Figures]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        for name, run in sides.items():
            found[name].append(run(number))
    return found


def rows(
    name: str,
    subject: str,
    whats: Mapping[str, str],
    found: Mapping[str, Sequence[Figures]],
    *,
    tls: bool,
    concurrency: int,
    goals: Mapping[str, float],
    wrong: str = "",
) -> list[Row]:
    """Return a row for each peer.

    Args:
        name, subject, tls, concurrency: as in `Row`.
        whats: what each side was asked, `OURS` among them.
        found: the rounds of each side.
        goals: wanted ratio by peer.
        wrong: why none of them says anything, or nothing.
    """
    return [
        _row(name, subject, peer, whats, found, tls, concurrency, goals.get(peer), wrong)
        for peer in whats
        if peer != OURS
    ]


def _row(
    name: str,
    subject: str,
    peer: str,
    whats: Mapping[str, str],
    found: Mapping[str, Sequence[Figures]],
    tls: bool,
    concurrency: int,
    goal: float | None,
    wrong: str,
) -> Row:
    sides = {OURS: found[OURS], peer: found[peer]}
    failures = [f"{who}: {one.wrong}" for who, figures in sides.items() for one in figures if one.wrong]
    reasons = [one for one in (wrong, *failures[:1]) if one]
    figures = {side: [_decisive(one, concurrency) for one in seen] for side, seen in sides.items()}
    # Times count downwards, rates upwards.
    before, after = (OURS, peer) if concurrency == 1 else (peer, OURS)
    ratio = None if reasons else ratio_of_medians(figures[before], figures[after])
    return Row(
        name=name,
        subject=subject,
        peer=peer,
        tls=tls,
        concurrency=concurrency,
        ours=_summary(whats[OURS], found[OURS]),
        peer_figures=_summary(whats[peer], found[peer]),
        ratio=ratio.value if ratio else None,
        interval=ratio.interval if ratio else None,
        spread={"ours": _spread(figures[OURS]), "peer": _spread(figures[peer])},
        rounds=len(found[OURS]),
        goal=goal,
        wrong="; ".join(reasons),
    )


def _decisive(figures: Figures, concurrency: int) -> float:
    return figures.milliseconds if concurrency == 1 else figures.per_second


def _spread(values: Sequence[float]) -> float:
    return round(max(values) / min(values) - 1, 3) if min(values) > 0 else 0.0


def _summary(what: str, found: Sequence[Figures]) -> dict[str, Any]:
    return {
        "what": what,
        "ms": round(median(one.milliseconds for one in found), 3),
        "p99": round(median(one.p99 for one in found), 3),
        "per_second": round(median(one.per_second for one in found), 1),
        "ms_rounds": [round(one.milliseconds, 3) for one in found],
        "per_second_rounds": [round(one.per_second, 1) for one in found],
    }
