"""Rules about what sessions and requests do besides their work."""

from verify.advice.facts import Database, Idle, Listings
from verify.advice.rule import Finding, Rule
from verify.reporting.document import Advice, Measure

# One for ten calls may be anybody's: jobs, notifications, an operator.
LISTINGS_PER_CALL = 0.1


def idle_in_transaction(facts: Database) -> Finding:
    """Judge by the session that has been idle longest with a transaction open.

    Odoo ends a worker that takes longer than limit_time_real for a request, and its transaction with it: what
    is idle for longer than that is no request.
    """
    limit = facts.longest_request
    longest = max(facts.idle, key=lambda one: one.seconds, default=Idle("", 0.0))
    measures = (Measure("idle with a transaction open, longest", round(longest.seconds, 1), "s", limit),)
    if longest.seconds <= limit:
        return Finding(measures)
    held = sum(one.seconds > limit for one in facts.idle)
    return Finding(
        measures,
        Advice(
            "idle_in_transaction",
            facts.host,
            "postgresql_settings.idle_in_transaction_session_timeout",
            f"{facts.settings['idle_in_transaction_session_timeout']:g}s",
            f"{limit:g}s",
            f"{held} session(s) keep a transaction open and do nothing, {longest.who} for"
            f" {longest.seconds:.0f} s: its locks hold up others, vacuum keeps what was deleted since, and it"
            " occupies a server connection; end it with pg_terminate_backend, and see to that program",
        ),
    )


def dbfilter(facts: Listings) -> Finding:
    """Judge by what goes on in database postgres, where the list of databases is asked for, during calls."""
    per_call = facts.listings / facts.calls
    measures = (
        Measure("transactions in database postgres, a call", round(per_call, 2), "", LISTINGS_PER_CALL),
        Measure("one list of databases, median", round(facts.listing_ms, 2), "ms"),
        Measure("one call, median", round(facts.call_ms, 2), "ms"),
    )
    if not facts.dbfilter or len(facts.names) != 1 or per_call <= LISTINGS_PER_CALL:
        # What others do in that database is no fault of a setting that is not there.
        return Finding((Measure(measures[0].name, measures[0].value, ""), *measures[1:]))
    return Finding(
        measures,
        Advice(
            "dbfilter",
            facts.host,
            "odoo_settings.dbfilter",
            facts.dbfilter,
            "nothing (take it out)",
            f"{facts.calls} calls of a browser that is not logged in made {facts.listings} transactions in"
            f" database postgres, where Odoo then asks for the list of databases: {facts.listing_ms:.1f} ms a"
            f" list, calls of {facts.call_ms:.1f} ms, and each worker keeps a server connection for it."
            f" {facts.names[0]} (odoo_database) is the only one without it too; the API never asks",
        ),
    )


RULES = (
    Rule(
        "idle_in_transaction",
        "No session keeps a transaction open and does nothing",
        Database,
        idle_in_transaction,
    ),
    Rule("dbfilter", "Requests do not ask for the list of databases", Listings, dbfilter),
)
