"""Rules about PostgreSQL's memory: what sorts may use, and what of the database it keeps."""

from verify.advice.facts import MB, Database
from verify.advice.rule import Finding, Rule
from verify.reporting.document import Advice, Measure

# Fewer say nothing about an ordinary day.
LEAST_TRANSACTIONS = 100
# Of a thousand transactions one may spill: a report now and then may take its time, a till may not.
SPILLS_PER_THOUSAND = 1.0
LEAST_SPILLS = 5
# Rows in a sort's file are packed more tightly than in memory.
MEMORY_FOR_FILE = 3
MOST_WORK_MEM = 256 * MB
# Heroku Dev Center, Understanding Heroku Postgres Data Caching, asks for as much.
HIT_SHARE = 0.99
# PostgreSQL manual, 20.4.1: more than 40 % of the memory is unlikely to work better; and others need some.
SHARE_OF_AVAILABLE = 0.5
BLOCK = 8192
STEP = 64 * MB


def lacking(facts: Database) -> str:
    """Return why the window says nothing, or an empty text."""
    seen = facts.window.rise.transactions
    if seen >= LEAST_TRANSACTIONS:
        return ""
    return f"{seen} transactions since {facts.window.since} are too few to judge by: {LEAST_TRANSACTIONS}"


def work_mem(facts: Database) -> Finding:
    """Judge by the temporary files that sorts and hashes wrote."""
    if why := lacking(facts):
        return Finding(lacking=why)
    rise, current = facts.window.rise, facts.settings["work_mem"]
    per_thousand = 1000 * rise.temp_files / rise.transactions
    enough = rise.temp_files >= LEAST_SPILLS
    measures = (
        Measure(
            "files of sorts and hashes, a thousand transactions",
            round(per_thousand, 2),
            "",
            SPILLS_PER_THOUSAND if enough else None,
        ),
        Measure("written to them", round(rise.temp_bytes / MB, 1), "MB"),
    )
    if per_thousand <= SPILLS_PER_THOUSAND or not enough:
        return Finding(measures)
    mean = rise.temp_bytes / rise.temp_files
    wanted = power_of_two(max(2 * current, MEMORY_FOR_FILE * mean))
    # As if every session sorted at the same time.
    room = min(MOST_WORK_MEM, facts.available * SHARE_OF_AVAILABLE / max(1, facts.sessions))
    while wanted > room and wanted > 2 * current:
        wanted //= 2
    reason = (
        f"since {facts.window.since} sorts and hashes wrote {rise.temp_files} files of {mean / MB:.1f} MB on"
        f" average in {rise.transactions} transactions, because they did not fit into work_mem"
    )
    if wanted > room:
        return Finding(
            measures,
            Advice(
                "work_mem",
                facts.host,
                "memory of the host (and postgresql_memory_mb)",
                f"{facts.available / MB:.0f} MB available",
                f"{facts.sessions * wanted / SHARE_OF_AVAILABLE / MB:.0f} MB available",
                f"{reason}, and work_mem of {wanted / MB:.0f} MB for {facts.sessions} sessions does not fit",
            ),
        )
    return Finding(
        measures,
        Advice("work_mem", facts.host, "postgresql_settings.work_mem", size(current), size(wanted), reason),
    )


def cache(facts: Database) -> Finding:
    """Judge by the pages that were not in shared_buffers, where they can't all be first reads."""
    if why := lacking(facts):
        return Finding(lacking=why)
    rise, current = facts.window.rise, facts.settings["shared_buffers"]
    share = rise.blocks_hit / max(1, rise.blocks_hit + rise.blocks_read)
    times = rise.blocks_read * BLOCK / max(1, facts.size)
    measures = (
        Measure("pages found in shared_buffers", round(share, 4), "", HIT_SHARE, at_most=False),
        Measure("database read from outside of them", round(times, 2), "times"),
    )
    if share >= HIT_SHARE:
        return Finding(measures)
    if times <= 1:
        return Finding((Measure("pages found in shared_buffers", round(share, 4), ""), measures[1]))
    room = current + facts.available * SHARE_OF_AVAILABLE
    wanted = min(-(-int(1.1 * facts.size) // STEP) * STEP, int(room) // STEP * STEP)
    reason = (
        f"since {facts.window.since} {1 - share:.1%} of the pages that were needed were not in"
        f" shared_buffers ({size(current)}), and the database ({size(facts.size)}) was read"
        f" {times:.1f} times over from outside of them"
    )
    if wanted <= current:
        return Finding(
            measures,
            Advice(
                "cache",
                facts.host,
                "memory of the host (and postgresql_memory_mb)",
                f"{facts.available / MB:.0f} MB available",
                f"{(facts.size - current) / SHARE_OF_AVAILABLE / MB:.0f} MB available",
                reason,
            ),
        )
    if "shared_buffers" in facts.overruled:
        named = ("postgresql_settings.shared_buffers", size(current), size(wanted))
    else:  # of which shared_buffers is a quarter, see docs/sizing.md
        now = facts.memory_mb or f"not set, sized as {4 * current / MB:.0f}"
        named = ("postgresql_memory_mb", str(now), f"{4 * wanted / MB:.0f}")
    return Finding(measures, Advice("cache", facts.host, *named, reason))


def size(amount: float) -> str:
    """Return bytes as PostgreSQL's settings are written."""
    return f"{amount / MB:.0f}MB" if amount >= MB else f"{amount / 1024:.0f}kB"


def power_of_two(amount: float) -> int:
    """Return the power of two that is not below an amount."""
    return 1 << max(0, int(amount - 1)).bit_length()


RULES = (
    Rule("work_mem", "Sorts and hashes fit in memory", Database, work_mem),
    Rule("cache", "The database's pages that are in use stay in memory", Database, cache),
)
