"""The rule about tables that are read from end to end because an index is missing."""

from verify.advice.facts import Database
from verify.advice.rule import Finding, Rule
from verify.reporting.document import Advice, Measure

# Below so many rows reading all of them costs about as much as an index (some 100 pages, a millisecond).
MANY_ROWS = 10_000
SHOWN = 3  # of the tables that are read so most


def missing_index(facts: Database) -> Finding:
    """Judge by the rows that each reading of a big table from its beginning to its end went through."""
    scanned = [
        (table, scans, rows)
        for table in facts.tables
        for scans, rows in [facts.window.rise.scans.get(table.name, (0, 0))]
        if scans and rows / scans >= MANY_ROWS
    ]
    scanned.sort(key=lambda one: -one[2])
    guilty = [(table, scans, rows) for table, scans, rows in scanned if table.missing]
    measures = tuple(
        Measure(f"{table.name}: rows read from end to end", rows, "")
        for table, _, rows in dict.fromkeys([*guilty, *scanned[:SHOWN]])
    ) + tuple(
        Measure(f"{table.name}: rows of one such reading", round(rows / scans), "", MANY_ROWS)
        for table, scans, rows in guilty
    )
    # What has all its indexes is read so by reports that need every row.
    if not guilty:
        return Finding(measures or (Measure("big tables read from end to end", 0, ""),))
    table, scans, rows = guilty[0]
    column = table.missing[0]
    others = f"; its columns {', '.join(table.missing[1:])} miss theirs too" if table.missing[1:] else ""
    # No variable stands for it, and the playbook upgrades no module whose code is the same. The name is
    # the one by which Odoo would make it (odoo/modules/registry.py, check_indexes), so it makes no second.
    command = f"CREATE INDEX CONCURRENTLY {table.name}_{column}_index ON {table.name} ({column})"
    return Finding(
        measures,
        Advice(
            "missing_index",
            facts.host,
            f"index of {table.name}.{column}",
            "missing",
            f"what this makes: {command}; or upgrade its module by odoo -u",
            f"since {facts.window.since} {table.name} ({table.rows} rows) was read from end to end {scans}"
            f" times, {rows / scans:.0f} rows each time; Odoo's models want this index{others}",
        ),
    )


RULES = (
    Rule(
        "missing_index", "No big table is read from end to end for want of an index", Database, missing_index
    ),
)
