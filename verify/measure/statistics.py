"""Figures of timed answers. Quantiles and intervals are numpy's and scipy's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from verify.reporting.document import Latency

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 15  # the same figures give the same interval
# More of them where the tail is, as latency charts have it.
QUANTILES = (0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1)
DIGITS = 3


def quantile(samples: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation (Hyndman and Fan 1996, type 7; numpy's default)."""
    return float(np.quantile(np.asarray(samples), share))


def interval_of_median(figures: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the median of figures, by the percentile bootstrap.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13; `scipy.stats.bootstrap`.

    Args:
        figures: one figure a round; with fewer than two there is no spread, and the interval is that figure.
    """
    if len(figures) < 2 or len(set(figures)) == 1:
        return (round(figures[0], DIGITS), round(figures[-1], DIGITS))
    found = stats.bootstrap(
        (np.asarray(figures),),
        np.median,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return (round(float(found.low), DIGITS), round(float(found.high), DIGITS))


def summarise(
    target: str,
    group: str,
    rounds: Sequence[Sequence[float]],
    *,
    driver: Literal["closed", "open"],
    clients: int,
    errors: int,
    seconds: float,
    offered: float | None = None,
) -> Latency:
    """Return the distribution of a target's latencies.

    Args:
        target: what was called.
        group: its class of thresholds.
        rounds: milliseconds of the successful answers of each round.
        driver: how it was driven.
        clients: clients at the same time.
        errors: requests without a successful answer, all rounds together.
        seconds: time that the rounds took, all together.
        offered: requests per second that were to be sent, for an open driver.
    """
    rounds = [samples for samples in rounds if samples]
    every = np.concatenate([np.asarray(samples) for samples in rounds]) if rounds else np.asarray([0.0])
    p95s = tuple(round(quantile(samples, 0.95), DIGITS) for samples in rounds)
    figures = {share: round(float(np.quantile(every, share)), DIGITS) for share in QUANTILES}
    count = sum(len(samples) for samples in rounds)
    return Latency(
        target=target,
        group=group,
        driver=driver,
        clients=clients,
        count=count,
        errors=errors,
        offered=offered,
        achieved=round(count / seconds, 1) if seconds else 0.0,
        mean=round(float(every.mean()), DIGITS),
        least=figures[0],
        p50=figures[0.5],
        p95=figures[0.95],
        p99=figures[0.99],
        greatest=figures[1],
        round_p95s=p95s,
        interval=interval_of_median(p95s) if p95s else (0.0, 0.0),
        distribution=tuple(figures.items()),
    )


def held_against(latency: Latency, threshold: float, relative_to: str = "") -> Latency:
    """Return a latency with the threshold that its 95th percentile is held against, in milliseconds."""
    return replace(latency, threshold=round(threshold, DIGITS), relative_to=relative_to)
