"""Rules about what ran out under load although the CPUs had time left."""

import math

from verify.advice.facts import MB, Loaded
from verify.advice.rule import Finding, Rule
from verify.reporting.document import Advice

# See docs/sizing.md: memory of a worker, and of master and longpolling process together, in MB.
WORKER_MB, OTHERS_MB = 325, 300
# Above it queues grow fast (M/M/c), so no more workers are proposed than CPUs are kept busy to.
FULL = 0.9
SHARE_OF_AVAILABLE = 0.5


def pool(facts: Loaded) -> Finding:
    """Advise as many server connections as were wanted at the same time, and as Odoo must have at least."""
    if facts.limit != "pool":
        return Finding()
    active, waiting = facts.used.pool_active or 0.0, facts.used.pool_waiting or 0.0
    wanted = max(facts.pool + 1, least_pool(facts), math.ceil(active + waiting) - facts.reserve)
    # More than each process can use at its peak nobody opens.
    wanted = min(wanted, max(facts.pool + 1, most_pool(facts)))
    reason = (
        f"at {facts.offered:g} calls/s {waiting:.1f} clients waited for a server connection while"
        f" {active:.1f} of {facts.pool} + {facts.reserve} were in use and the CPUs were busy for"
        f" {facts.used.cpu or 0:.0%}"
    )
    needed = facts.connections + wanted - facts.pool
    variable, current, proposed = facts.pool_variable, str(facts.pool), str(wanted)
    if not facts.connections_follow and needed > facts.max_connections:
        reason += f"; PostgreSQL has to admit {needed} then and admits {facts.max_connections}"
        variable += " and postgresql_settings.max_connections"
        current += f" and {facts.max_connections}"
        proposed += f" and {math.ceil(needed / 10) * 10}"
    return Finding((), Advice("pool", facts.pgbouncer, variable, current, proposed, reason))


def least_pool(facts: Loaded) -> int:
    """Return the pool below which Odoo's processes can wait for each other for ever; see docs/sizing.md."""
    return 1 + facts.workers + facts.http_workers + 2 * facts.cron_threads + 4 * facts.odoo_hosts


def most_pool(facts: Loaded) -> int:
    """Return what Odoo's processes hold at their peak; see docs/sizing.md."""
    return 2 * (facts.workers + facts.http_workers) + 3 * facts.cron_threads + 4 * facts.odoo_hosts


def workers(facts: Loaded) -> Finding:
    """Advise as many workers as the CPUs can keep busy and the memory can hold."""
    if facts.limit != "workers":
        return Finding()
    if facts.api_workers:
        return _api_server(facts)
    each, cpu = facts.workers // facts.odoo_hosts, facts.used.cpu or 0.0
    busy, queued = facts.used.workers_busy or 0.0, facts.used.queued or 0.0
    by_cpu = math.floor(each * FULL / cpu) if cpu else 2 * each
    by_need = math.ceil((busy + queued) / facts.odoo_hosts)
    cron = facts.cron_threads // facts.odoo_hosts
    by_memory = each + int(facts.odoo_available * SHARE_OF_AVAILABLE / MB) // WORKER_MB
    if facts.odoo_memory_mb:
        by_memory = min(by_memory, (facts.odoo_memory_mb - OTHERS_MB) // WORKER_MB - cron)
    wanted = max(each + 1, min(by_cpu, by_need))
    reason = (
        f"at {facts.offered:g} calls/s {busy:.1f} of {facts.workers} workers were busy and {queued:.1f}"
        f" requests waited for one, while the CPUs were busy for {cpu:.0%}"
    )
    if by_memory <= each:
        needed = OTHERS_MB + (each + 1 + cron) * WORKER_MB
        return Finding(
            (),
            Advice(
                "workers",
                facts.odoo,
                "odoo_memory_mb",
                str(facts.odoo_memory_mb or f"not set, {facts.odoo_available / MB:.0f} MB available"),
                f"at least {needed}",
                f"{reason}; one more needs {WORKER_MB} MB that Odoo may not plan with: raise it, and then"
                " odoo_workers",
            ),
        )
    proposed = str(min(wanted, by_memory))
    return Finding((), Advice("workers", facts.odoo, "odoo_workers", str(each), proposed, reason))


def _api_server(facts: Loaded) -> Finding:
    """Advise a worker of the API's own server for each core, and then as many threads as had work.

    The threads of a worker compute one at a time, so only another worker uses another core.
    """
    busy, queued = facts.used.workers_busy or 0.0, facts.used.queued or 0.0
    each = facts.workers // facts.api_workers
    processes = facts.api_workers // facts.odoo_hosts
    wanted = max(each + 1, math.ceil((busy + queued) / facts.api_workers))
    reason = (
        f"at {facts.offered:g} calls/s {busy:.1f} of {facts.workers} threads of the API's server were busy"
        f" and {queued:.1f} calls waited for one, while the CPUs were busy for {facts.used.cpu or 0:.0%}"
    )
    if processes < facts.cores:
        proposed = str(facts.cores)
        reason += f"; {facts.cores} cores are there for {processes} workers"
        return Finding((), Advice("workers", facts.odoo, "pos_api_workers", str(processes), proposed, reason))
    proposed = str(min(wanted, 2 * each))
    return Finding((), Advice("workers", facts.odoo, "pos_api_threads", str(each), proposed, reason))


RULES = (
    Rule("pool", "Server connections are there when they are wanted", Loaded, pool),
    Rule("workers", "Workers are there as long as CPUs have time left", Loaded, workers),
)
