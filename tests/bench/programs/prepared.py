"""Runs on Odoo's host with Odoo's own Python: one statement by two ways through the pooler, in turn.

First argument: a JSON object with ``statement`` and its ``values`` for ``$n``, ``ways`` ({name: {"database":
as the pooler knows it, "prepared": whether the statement is prepared once for each connection, "connections":
how many the clients share}}), ``clients``, ``seconds`` and ``rounds``. Standard output: {name:
[{"milliseconds": [...], "seconds": s}, ...]}, the first round of each warms up.
Whatever fails ends the program with the reason on standard error.
"""

import configparser
import gc
import json
import queue
import re
import sys
import threading
import time

import psycopg2


def connect(database):
    """Open a connection as odoo.conf says, to a database as the pooler knows it, in autocommit mode."""
    parser = configparser.RawConfigParser()
    parser.read("/etc/odoo/odoo.conf")
    options = parser["options"]
    connection = psycopg2.connect(
        dbname=database,
        user=options["db_user"],
        password=options["db_password"],
        host=options["db_host"],
        port=options["db_port"],
        sslmode=options.get("db_sslmode", "prefer"),
        application_name="tillstack-bench",
    )
    connection.autocommit = True
    return connection


def with_values(text, literals):
    """Return a statement with literals in the places of its parameters."""
    return re.sub(r"\$([0-9]+)", lambda place: literals[int(place[1]) - 1], text)


def one_round(free, statement, clients, seconds):
    """Let clients, each in a thread of its own, run a statement for so long; waiting for a cursor counts."""
    found = [[] for _ in range(clients)]
    failures = []
    gate = threading.Barrier(clients + 1)

    def work(seen):
        gate.wait(30)
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends and not failures:
            began = time.perf_counter()
            cursor = free.get()
            try:
                cursor.execute(statement)
                cursor.fetchall()
                seen.append((time.perf_counter() - began) * 1000)
            except psycopg2.Error as error:
                failures.append(error)
            finally:
                free.put(cursor)

    threads = [threading.Thread(target=work, args=(seen,)) for seen in found]
    for thread in threads:
        thread.start()
    gate.wait(30)
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if failures:
        sys.exit(str(failures[0]))
    return {"milliseconds": [duration for seen in found for duration in seen], "seconds": took}


def main():
    """Do what the argument asks for."""
    wanted = json.loads(sys.argv[1])
    ways = {}
    for name, way in wanted["ways"].items():
        text, free = wanted["statement"], queue.SimpleQueue()
        for _ in range(way["connections"]):
            cursor = connect(way["database"]).cursor()
            literals = [cursor.mogrify("%s", (value,)).decode() for value in wanted["values"]]
            if way["prepared"]:
                cursor.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")  # as the API does
                cursor.execute("PREPARE bench AS " + text)
            free.put(cursor)
        places = f" ({', '.join(literals)})" if literals else ""
        ways[name] = (free, f"EXECUTE bench{places}" if way["prepared"] else with_values(text, literals))
    gc.disable()
    answer = {name: [] for name in ways}
    for _ in range(wanted["rounds"] + 1):
        for name, (free, statement) in ways.items():
            answer[name].append(one_round(free, statement, wanted["clients"], wanted["seconds"]))
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
