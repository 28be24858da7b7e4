"""All rules. Each is judged by measurements, and tests/scenarios/test_verify_advice.py provokes each."""

from verify.advice import capacity, memory, sessions, tables, writing
from verify.advice.facts import Loaded
from verify.advice.rule import Finding, Rule

RULES: tuple[Rule, ...] = (
    *memory.RULES,
    *tables.RULES,
    *writing.RULES,
    *sessions.RULES,
    *capacity.RULES,
)


def rule(name: str) -> Rule:
    """Return the rule of a name."""
    return next(rule for rule in RULES if rule.name == name)


def advise(facts: Loaded) -> list[Finding]:
    """Return what the rules about load make of a step that broke an objective."""
    findings = [rule.look(facts) for rule in RULES if rule.facts is Loaded]
    return [finding for finding in findings if finding.advice]
