"""Runs on Odoo's host with Odoo's own Python: times statements as the application sends them, by the pooler.

First argument: a JSON object with ``statements`` ({name: SQL}), ``rounds``, ``clients``, ``repeats`` (of
each statement by each client in a round) and ``rate`` (statements per second of all clients, or null for as
fast as they come). Standard output: {name: [{"milliseconds": [...], "seconds": s}, ...]}.
Whatever fails ends the program with the reason on standard error.
"""

import configparser
import gc
import json
import sys
import threading
import time

import psycopg2


def connect():
    """Open a connection as odoo.conf says, in autocommit mode."""
    parser = configparser.RawConfigParser()
    parser.read("/etc/odoo/odoo.conf")
    options = parser["options"]
    connection = psycopg2.connect(
        dbname=options["db_name"],
        user=options["db_user"],
        password=options["db_password"],
        host=options["db_host"],
        port=options["db_port"],
        sslmode=options.get("db_sslmode", "prefer"),
        application_name="tillstack-verify",
    )
    connection.autocommit = True
    return connection


def one_round(cursors, statement, repeats, rate):
    """Let each cursor, in a thread of its own, run a statement some times over."""
    pause = len(cursors) / rate if rate else 0
    found = [[] for _ in cursors]
    failures = []
    gate = threading.Barrier(len(cursors) + 1)

    def work(cursor, seen):
        gate.wait(30)
        try:
            for _ in range(repeats):
                time.sleep(pause)
                began = time.perf_counter()
                cursor.execute(statement)
                cursor.fetchall()
                seen.append((time.perf_counter() - began) * 1000)
        except psycopg2.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(cursor, seen)) for cursor, seen in zip(cursors, found)]
    for thread in threads:
        thread.start()
    gate.wait(30)
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if failures:
        sys.exit(f"{statement}: {failures[0]}")
    return {"milliseconds": [duration for seen in found for duration in seen], "seconds": seconds}


def main():
    """Do what the argument asks for."""
    wanted = json.loads(sys.argv[1])
    cursors = [connect().cursor() for _ in range(wanted["clients"])]
    gc.disable()
    answer = {}
    for name, statement in wanted["statements"].items():
        one_round(cursors, statement, 2, wanted["rate"])
        answer[name] = [
            one_round(cursors, statement, wanted["repeats"], wanted["rate"]) for _ in range(wanted["rounds"])
        ]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
