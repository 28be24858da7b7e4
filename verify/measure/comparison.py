"""Whether a latency changed between two runs. The resampling is scipy's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from verify.measure.statistics import CONFIDENCE, DIGITS, RESAMPLES, SEED

# With fewer rounds the resampled medians are hardly more than the rounds themselves.
LEAST_ROUNDS = 3

Change = Literal["slower", "faster", "same", "unknown"]


@dataclass(frozen=True)
class Ratio:
    """How many times the former figure the later one is, with its confidence interval.

    Args:
        value: later over former.
        interval: 95 % confidence interval; None where too few rounds were measured.
    """

    value: float
    interval: tuple[float, float] | None


def ratio_of_medians(before: Sequence[float], after: Sequence[float]) -> Ratio | None:
    """Return the ratio of the medians of two independent samples, by the percentile bootstrap.

    Each sample is resampled by itself. Source: Efron and Tibshirani, An Introduction to the Bootstrap,
    sections 8.2 (two samples) and 13.3 (percentile interval); `scipy.stats.bootstrap`.

    Args:
        before, after: a figure of each round, above zero.

    Returns:
        None where there is nothing to divide.
    """
    if not before or not after or min(*before, *after) <= 0:
        return None
    value = round(float(np.median(after) / np.median(before)), DIGITS)
    if min(len(before), len(after)) < LEAST_ROUNDS:
        return Ratio(value, None)
    if len(set(before)) == len(set(after)) == 1:
        return Ratio(value, (value, value))
    found = stats.bootstrap(
        (np.asarray(after), np.asarray(before)),
        _ratio,
        vectorized=True,
        paired=False,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Ratio(value, (round(float(found.low), DIGITS), round(float(found.high), DIGITS)))


def judge(ratio: Ratio | None, tolerance: float) -> Change:
    """Return what a ratio means.

    A change counts only if chance hardly explains it (the interval leaves out 1) and if it is large
    enough to matter.

    Args:
        ratio: of the later figure to the former.
        tolerance: changes up to this share don't matter; 0.1 allows from 1/1.1 to 1.1.
    """
    if ratio is None or ratio.interval is None:
        return "unknown"
    low, high = ratio.interval
    if low > 1 and ratio.value > 1 + tolerance:
        return "slower"
    if high < 1 and ratio.value < 1 / (1 + tolerance):
        return "faster"
    return "same"


def by_chance(comparisons: int) -> int:
    """Return how many of so many intervals leave out 1 by chance alone."""
    return math.ceil(comparisons * (1 - CONFIDENCE))


def _ratio(after: np.ndarray, before: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(np.median(after, axis=axis) / np.median(before, axis=axis))
