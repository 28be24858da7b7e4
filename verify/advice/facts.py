"""What rules judge by: measured on the estate, or said by its inventory.

Sizes are in bytes, times in seconds, unless the name says another unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verify.measure.resources import Usage

MB = 1024**2


@dataclass(frozen=True)
class Counted:
    """Counters of PostgreSQL that only rise, of the application's database and of the cluster.

    Args:
        at: when they were read, on the database host's clock.
        transactions: that ended.
        temp_files, temp_bytes: written by sorts and hashes that did not fit into work_mem.
        blocks_hit, blocks_read: pages found in shared_buffers, and pages that were not.
        timed, requested: checkpoints because their time had come, and for any other reason.
        wal_bytes: of WAL written.
        scans: of each table how often it was read from end to end, and the rows that were read so.
    """

    at: float = 0.0
    transactions: int = 0
    temp_files: int = 0
    temp_bytes: int = 0
    blocks_hit: int = 0
    blocks_read: int = 0
    timed: int = 0
    requested: int = 0
    wal_bytes: int = 0
    scans: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """How far the counters rose meanwhile.

    Args:
        since: from when on, in words.
        seconds: how long that is.
        rise: of each counter; its ``at`` means nothing.
    """

    since: str
    seconds: float
    rise: Counted


@dataclass(frozen=True)
class Table:
    """A table that has many rows.

    Args:
        name: of the table.
        rows: that it has, as the statistics say.
        missing: columns that Odoo's models want an index for, and that have none.
    """

    name: str
    rows: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Idle:
    """A session that keeps a transaction open and does nothing.

    Args:
        who: user and program.
        seconds: since it did the last thing.
    """

    who: str
    seconds: float


@dataclass(frozen=True)
class Database:
    """A database host, as it is now and as its counters rose.

    Args:
        host: inventory name.
        window: of its counters.
        settings: PostgreSQL's, in bytes and seconds.
        overruled: postgresql_settings of the inventory.
        memory_mb: postgresql_memory_mb of the inventory, if it is there.
        size: of the application's database.
        available: memory that new processes could have.
        disk_free: where the WAL is.
        longest_request: after so many seconds Odoo ends a worker.
        sessions: server connections that the poolers may open for the application.
        tables: with many rows.
        idle: sessions, the longest idle first.
    """

    host: str
    window: Window
    settings: Mapping[str, float]
    overruled: Mapping[str, Any]
    memory_mb: int | None
    size: int
    available: int
    disk_free: int
    longest_request: float
    sessions: int
    tables: tuple[Table, ...] = ()
    idle: tuple[Idle, ...] = ()


@dataclass(frozen=True)
class Commits:
    """How long the WAL's flush takes in a commit.

    Args:
        host: of the database.
        folder: where the WAL is, links resolved.
        device: the file system's source.
        milliseconds: of each tiny commit.
        unflushed: of the same commits without the flush.
    """

    host: str
    folder: str
    device: str
    milliseconds: tuple[float, ...]
    unflushed: tuple[float, ...]


@dataclass(frozen=True)
class Listings:
    """How often Odoo asks PostgreSQL for the list of databases, while a browser calls that is not logged in.

    Args:
        host: of Odoo.
        dbfilter: as it is in effect; empty for none.
        names: the databases that odoo.conf names.
        calls: that were sent.
        listings: transactions in database ``postgres`` meanwhile.
        listing_ms: time of one listing, the median.
        call_ms: time of one call, the median.
    """

    host: str
    dbfilter: str
    names: tuple[str, ...]
    calls: int
    listings: int
    listing_ms: float
    call_ms: float


@dataclass(frozen=True)
class Loaded:
    """A step of a load run that broke an objective, and what the estate has for it.

    Args:
        limit: the resource that ran out, as `verify.measure.limits` names it.
        used: what was in use, on average.
        offered: calls per second.
        odoo, pgbouncer: the hosts that advice is about.
        workers, cron_threads: of Odoo, on all its hosts; the first as `Capacity` counts them.
        odoo_hosts: how many there are.
        odoo_memory_mb: what Odoo may plan with on a host, if the inventory says it.
        odoo_available: memory that new processes could have on Odoo's host.
        pool, reserve: server connections for the application's database, by one pooler.
        pool_variable: what sets the pool's size in this inventory.
        connections, max_connections: how many PostgreSQL has to admit, and how many it does.
        connections_follow: whether the latter follows the pool's variable by itself, see docs/sizing.md.
        api_workers: processes of the API's own server, whose threads `workers` counts then; 0 without one.
        http_workers: Odoo's own HTTP workers beside it.
        cores: of the first host of Odoo.
    """

    limit: str
    used: Usage
    offered: float
    odoo: str
    pgbouncer: str
    workers: int
    cron_threads: int
    odoo_hosts: int
    odoo_memory_mb: int | None
    odoo_available: int
    pool: int
    reserve: int
    pool_variable: str
    connections: int
    max_connections: int
    connections_follow: bool
    api_workers: int = 0
    http_workers: int = 0
    cores: int = 0
