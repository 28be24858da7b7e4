"""All mutations, and which of them a run tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.mutations import databases, host, odoo, shop, speed, web
from tests.mutations.case import Mutation

CASES: tuple[Mutation, ...] = (
    *databases.CASES,
    *odoo.CASES,
    *web.CASES,
    *host.CASES,
    *shop.CASES,
    *speed.CASES,
)
MOST_TOGETHER = 10


@dataclass(frozen=True)
class Batch:
    """Mutations that are on the host at the same time, while verify runs once.

    What each must turn red is different, so every red check still has one fault to answer for it.
    """

    cases: tuple[Mutation, ...]

    @property
    def sections(self) -> str:
        """What of verify is run."""
        return ",".join(dict.fromkeys(("services", *(case.section for case in self.cases))))

    @property
    def restarts(self) -> bool:
        """Whether Odoo has to be restarted for it."""
        return any(case.restarts == "odoo" for case in self.cases)


def choose(cases: Sequence[Mutation], count: int, turn: int) -> list[Mutation]:
    """Return some cases of as many different subjects as there are; other turns choose others.

    Args:
        cases: to choose from.
        count: how many are wanted.
        turn: such as the number of the day; after enough turns all cases were chosen.
    """
    by_subject: dict[str, list[Mutation]] = {}
    for case in cases:
        by_subject.setdefault(case.subject, []).append(case)
    subjects = list(by_subject)
    start = turn * count
    places = [divmod(start + number, len(subjects)) for number in range(count)]
    chosen = [by_subject[subjects[place]][lap % len(by_subject[subjects[place]])] for lap, place in places]
    return list(dict.fromkeys(chosen))


def batches(cases: Sequence[Mutation]) -> list[Batch]:
    """Return the cases in batches: of one section, with no check that two of them must turn red."""
    found: list[list[Mutation]] = []
    for case in cases:
        for batch in found:
            if _fits(case, batch):
                batch.append(case)
                break
        else:
            found.append([case])
    return [Batch(tuple(batch)) for batch in found]


def _fits(case: Mutation, batch: list[Mutation]) -> bool:
    if case.alone or len(batch) == MOST_TOGETHER:
        return False
    return all(
        not other.alone
        and case.section == other.section
        and not case.expected.keys() & other.expected.keys()
        and not (case.clash and case.clash == other.clash)
        for other in batch
    )
