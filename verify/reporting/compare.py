"""What changed between two reports: latencies, verdicts, measures, loads and hosts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.measure.comparison import Change, Ratio, by_chance, judge, ratio_of_medians
from verify.reporting.findings import number

NOT_HELD = ("failed", "error")
# Times on a machine with other cores, of another Odoo, or of calls that are held back to a rate, are those of
# another thing.
DECISIVE = ("cores", "series", "cap")


@dataclass(frozen=True)
class LatencyChange:
    """One target under one kind of load, in both reports.

    Args:
        before, after: the latencies, as the reports have them.
        ratio: of the rounds' 95th percentiles.
        change: what the ratio means; "unknown" also where a measurement was not sound.
        note: why it is unknown.
    """

    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    ratio: Ratio | None
    change: Change
    note: str = ""

    @property
    def p50_ratio(self) -> float | None:
        """How many times the former median the later one is."""
        return self.after["p50"] / self.before["p50"] if self.before["p50"] else None


@dataclass(frozen=True)
class Difference:
    """Something that both reports have, and that is not the same: values as text."""

    name: str
    before: str
    after: str
    worse: bool = False


@dataclass(frozen=True)
class MeasureChange:
    """A figure of a check in both reports; it informs, since one measurement has no interval."""

    check: str
    name: str
    unit: str
    before: float
    after: float

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Args:
        tolerance: changes of latencies up to this share don't count.
        incomparable: why latencies of the two can't be compared; empty if they can.
        latencies: the worst first.
        verdicts: checks whose verdict differs.
        measures: figures that differ by more than the tolerance.
        loads: knees and limits of load runs.
        hosts: facts and settings that differ.
        common: how many checks both reports have.
    """

    tolerance: float
    incomparable: str
    latencies: tuple[LatencyChange, ...]
    verdicts: tuple[Difference, ...]
    measures: tuple[MeasureChange, ...]
    loads: tuple[Difference, ...]
    hosts: tuple[Difference, ...]
    common: int

    def of(self, change: Change) -> list[LatencyChange]:
        """Return the latencies with a change."""
        return [found for found in self.latencies if found.change == change]

    @property
    def newly_failing(self) -> list[Difference]:
        return [found for found in self.verdicts if found.worse]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> Comparison:
    """Return what changed.

    Args:
        before, after: reports, as `verify.reporting.stored.read` gives them.
        tolerance: changes of latencies up to this share don't count.
    """
    hosts = tuple(_hosts(before, after))
    former, later = _checks(before), _checks(after)
    common = [key for key in later if key in former]
    incomparable = _incomparable(before, after, hosts)
    return Comparison(
        tolerance=tolerance,
        incomparable=incomparable,
        latencies=tuple(_latencies(former, later, tolerance, incomparable)),
        verdicts=tuple(_verdicts(former, later, common)),
        measures=tuple(_measures(former, later, common, tolerance)),
        loads=tuple(_loads(former, later)),
        hosts=hosts,
        common=len(common),
    )


def exit_status(found: Comparison) -> int:
    """Return 1 if something became worse, 2 if that can't be said, or else 0."""
    if found.of("slower") or found.newly_failing:
        return 1
    return 2 if found.incomparable or not found.common else 0


def headline(found: Comparison) -> str:
    """Return the outcome in a sentence."""
    slower, failing = len(found.of("slower")), len(found.newly_failing)
    worse = [f"{slower} of {len(found.latencies)} latencies became slower"] if slower else []
    hold = "holds" if failing == 1 else "hold"
    worse += [f"{failing} of {found.common} checks no longer {hold}"] if failing else []
    if worse:
        return " and ".join(worse)
    if not found.common:
        return "The reports have no check in common"
    if found.incomparable:
        return "Latencies can't be compared, and no check became worse"
    return "Nothing became worse"


def caution(found: Comparison) -> str:
    """Return how far the intervals can be trusted."""
    compared = len(found.latencies)
    if not compared or found.incomparable:
        return ""
    return (
        f"{compared} latencies are compared. One is slower or faster if the 95 % confidence interval of"
        f" the ratio of p95 leaves out 1 and the change is above {found.tolerance:.0%}. By chance alone about"
        f" {by_chance(compared)} of the intervals leave out 1, so verify again before you act on one."
    )


def _checks(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the checks by an id that does not depend on how the hosts are named."""
    numbered = {host["name"]: number for number, host in enumerate(report["hosts"], 1)}

    def neutral(check_id: str) -> str:
        function, bracket, cases = check_id.partition("[")
        for name in sorted(numbered, key=len, reverse=True):
            cases = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"<{numbered[name]}>", cases)
        return function + bracket + cases

    return {neutral(check["id"]): check for check in report["checks"]}


def _hosts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs in the run itself, and in the hosts, which are matched by their order."""
    for name in ("series", "mode", "cap"):
        if before[name] != after[name]:
            yield Difference(name, str(before[name]), str(after[name]))
    if len(before["hosts"]) != len(after["hosts"]):
        yield Difference("hosts", *(", ".join(h["name"] for h in r["hosts"]) for r in (before, after)))
    for former, later in zip(before["hosts"], after["hosts"], strict=False):
        for kind in ("facts", "settings"):
            for name in sorted(former[kind].keys() | later[kind].keys()):
                values = [str(host[kind].get(name, "none")) for host in (former, later)]
                if values[0] != values[1]:
                    yield Difference(f"{later['name']}: {name}", *values)


def _incomparable(before: Mapping[str, Any], after: Mapping[str, Any], hosts: Sequence[Difference]) -> str:
    """Return why latencies can't be compared; empty if they can, or if neither report has any."""
    for found in hosts:
        if found.name.rpartition(": ")[2] in DECISIVE:
            return (
                f"{found.name} was {found.before} and is {found.after}: times of the two say nothing"
                " about each other"
            )
    former, later = _by_target(_checks(before)), _by_target(_checks(after))
    if bool(former) != bool(later):
        have, lack, lacking = ("B", "A", before) if later else ("A", "B", after)
        return (
            f"{have} has latencies and {lack} has none; {lack} ran {', '.join(lacking['sections'])}:"
            " verify with --section performance, too"
        )
    if former and not former.keys() & later.keys():
        return "both have latencies, but none of the same endpoint with as many clients"
    return ""


def _latencies(
    former: Mapping[str, Mapping[str, Any]],
    later: Mapping[str, Mapping[str, Any]],
    tolerance: float,
    incomparable: str,
) -> list[LatencyChange]:
    before, after = _by_target(former), _by_target(later)
    found = []
    for key in after:
        if key not in before:
            continue
        (one, one_sound), (other, other_sound) = before[key], after[key]
        ratio = ratio_of_medians(one["round_p95s"], other["round_p95s"])
        change = judge(ratio, tolerance)
        note = "too few rounds" if change == "unknown" else ""
        if not (one_sound and other_sound):
            change, note = "unknown", "not soundly measured"
        if incomparable:
            change, note = "unknown", "not comparable"
        name = f"{other['target']} x {other['clients']}"
        if other["offered"] is not None:
            name += f" at {other['offered']:g}/s"
        found.append(LatencyChange(name, one, other, ratio, change, note))
    order = ("slower", "unknown", "same", "faster")
    found.sort(key=lambda item: (order.index(item.change), -(item.ratio.value if item.ratio else 0)))
    return found


def _by_target(
    checks: Mapping[str, Mapping[str, Any]],
) -> dict[tuple[Any, ...], tuple[Mapping[str, Any], bool]]:
    """Return latencies by what was called how, and whether they were soundly measured."""
    return {
        (latency["target"], latency["driver"], latency["clients"], latency["offered"]): (
            latency,
            check["verdict"] != "invalid",
        )
        for check in checks.values()
        for latency in check["latencies"]
    }


def _verdicts(
    former: Mapping[str, Mapping[str, Any]], later: Mapping[str, Mapping[str, Any]], common: Sequence[str]
) -> Iterator[Difference]:
    for key in common:
        one, other = former[key]["verdict"], later[key]["verdict"]
        if one != other:
            yield Difference(later[key]["title"], one, other, other in NOT_HELD and one not in NOT_HELD)


def _measures(
    former: Mapping[str, Mapping[str, Any]],
    later: Mapping[str, Mapping[str, Any]],
    common: Sequence[str],
    tolerance: float,
) -> Iterator[MeasureChange]:
    for key in common:
        values = {measure["name"]: measure for measure in former[key]["measures"]}
        for measure in later[key]["measures"]:
            one, other = values.get(measure["name"], measure)["value"], measure["value"]
            if isinstance(one, str) or isinstance(other, str) or one == other:
                continue
            low, high = sorted((abs(one), abs(other)))
            if high > low * (1 + tolerance):
                yield MeasureChange(later[key]["title"], measure["name"], measure["unit"], one, other)


def _loads(
    former: Mapping[str, Mapping[str, Any]], later: Mapping[str, Mapping[str, Any]]
) -> Iterator[Difference]:
    before, after = (
        {run["name"]: run for check in checks.values() for run in check["load_runs"]}
        for checks in (former, later)
    )
    for name in after:
        if name in before:
            yield Difference(name, _load(before[name]), _load(after[name]))


def _load(run: Mapping[str, Any]) -> str:
    knee = "no rate held" if run["knee"] is None else f"holds up to {number(run['knee'])} requests/s"
    return f"{knee}, limit {run['limit'] or 'not found'}"
