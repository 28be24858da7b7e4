"""Rules about what is written: the WAL's checkpoints, and the disk that commits wait for."""

from statistics import median

from verify.advice.facts import MB, Commits, Database
from verify.advice.memory import power_of_two, size
from verify.advice.rule import Finding, Rule
from verify.reporting.document import Advice, Measure

# One revolution of a disk with 7200 a minute is 8.3 ms; nothing that is fit for a database is slower.
FLUSH_MS = 10.0
SHARE_OF_DISK = 0.25


def checkpoints(facts: Database) -> Finding:
    """Judge by the checkpoints that the amount of WAL forced.

    They are counted together with those that commands ask for, so only as many count as the WAL can have
    forced (PostgreSQL manual, 30.5 WAL Configuration): one for each max_wal_size / (1 +
    checkpoint_completion_target).
    """
    rise, current = facts.window.rise, facts.settings["max_wal_size"]
    part = 1 + facts.settings["checkpoint_completion_target"]
    forced = min(rise.requested, int(rise.wal_bytes * part / current))
    measures = (
        Measure("checkpoints that the WAL forced", forced, "", max(1, rise.timed)),
        Measure("checkpoints whose time had come", rise.timed, ""),
        Measure("WAL written", round(rise.wal_bytes / MB, 1), "MB"),
    )
    if forced <= max(1, rise.timed):
        return Finding(measures)
    between = rise.wal_bytes * min(1, facts.settings["checkpoint_timeout"] / max(1, facts.window.seconds))
    wanted = power_of_two(max(2 * current, part * between))
    reason = (
        f"since {facts.window.since} {rise.wal_bytes / MB:.0f} MB of WAL forced {forced} checkpoints, and"
        f" {rise.timed} came at their time; after each one pages are written to the WAL as a whole again"
    )
    room = current + SHARE_OF_DISK * facts.disk_free
    if wanted > room:
        reason += f"; the disk of the WAL has {facts.disk_free / MB:.0f} MB left, so it needs a larger one"
        wanted = int(room) // MB * MB
    return Finding(
        measures,
        Advice(
            "checkpoints",
            facts.host,
            "postgresql_settings.max_wal_size",
            size(current),
            size(wanted),
            reason,
        ),
    )


def slow_disk(facts: Commits) -> Finding:
    """Judge by the time that a tiny commit waits for the disk."""
    flush = median(facts.milliseconds)
    measures = (
        Measure("commit of next to nothing, median", round(flush, 2), "ms", FLUSH_MS),
        Measure("the same without the wait for the disk", round(median(facts.unflushed), 2), "ms"),
    )
    if flush <= FLUSH_MS:
        return Finding(measures)
    return Finding(
        measures,
        Advice(
            "slow_disk",
            facts.host,
            f"disk of {facts.folder}",
            facts.device,
            f"a faster one (stop PostgreSQL, move the folder there, leave a link), below {FLUSH_MS:g} ms",
            f"a commit waits {flush:.1f} ms for the disk ({median(facts.unflushed):.2f} ms without the wait),"
            " and every sale commits; synchronous_commit stays on, or sales can be lost",
        ),
    )


RULES = (
    Rule(
        "checkpoints", "Checkpoints come at their time and are not forced by the WAL", Database, checkpoints
    ),
    Rule("slow_disk", "The disk of the WAL keeps no commit waiting", Commits, slow_disk),
)
