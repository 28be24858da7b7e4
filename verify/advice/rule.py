"""What a rule is: facts that were measured go in, figures and perhaps a recommendation come out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verify.reporting.document import Advice, Measure


@dataclass(frozen=True)
class Finding:
    """What a rule makes of its facts.

    Args:
        measures: the figures that it judged by, with thresholds.
        advice: what to change; None where the figures hold.
        lacking: why there is too little to judge by; empty where there is enough.
    """

    measures: tuple[Measure, ...] = ()
    advice: Advice | None = None
    lacking: str = ""


@dataclass(frozen=True)
class Rule:
    """One reason to change something.

    Args:
        name: of the rule, as reports have it.
        holds: what is so where the rule does not fire, a sentence.
        facts: the type of what it looks at.
        look: judges facts.
    """

    name: str
    holds: str
    facts: type
    look: Callable[[Any], Finding]
