"""Runs on nginx's host as root: what TLS and the rate limiter cost, each on and off.

An nginx of its own, on ports of the loopback that the kernel chooses, answers by itself; the deployed one is
not touched. It has the deployed certificate and three servers: plain, with TLS, with TLS and a limiter that
refuses nothing. Requests are interleaved in turning order, so that a busy moment meets all three.

First argument: a JSON object with ``certificate``, ``key`` (paths), ``rounds`` and ``repeats`` (requests to
each server in a round). Standard output: {"plain" | "tls" | "tls_limited" | "plain_connect" | "tls_connect":
[[milliseconds of a round], ...]}; the last two open a connection for each request.
"""

import gc
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIGURATION = """
daemon off;
user www-data;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  limit_req_zone $binary_remote_addr zone=verify:1m rate=1000000r/s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_session_cache off;
  ssl_session_tickets off;
  # Not by `return` alone, which answers before the limiter is asked.
  server {{
    listen 127.0.0.1:{plain};
    location / {{ try_files /none @answer; }}
    location @answer {{ return 204; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl;
    location / {{ try_files /none @answer; }}
    location @answer {{ return 204; }}
  }}
  server {{
    listen 127.0.0.1:{tls_limited} ssl;
    limit_req zone=verify burst=100000 nodelay;
    location / {{ try_files /none @answer; }}
    location @answer {{ return 204; }}
  }}
}}
"""
START_SECONDS = 10


def free_ports(count):
    """Return TCP ports of the loopback that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def wait_for(port, server):
    """Wait until nginx accepts connections."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                sys.exit("nginx did not start")
            time.sleep(0.02)


def connect(port, secured):
    """Return a new connection; the certificate is the host's own and not what is measured."""
    if not secured:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    context = ssl._create_unverified_context()
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)


def ask(connection):
    """Send a request, and return how long its answer took, in milliseconds."""
    began = time.perf_counter()
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 204:
        sys.exit(f"status {answer.status}")
    return (time.perf_counter() - began) * 1000


def ask_once(port, secured):
    """As `ask`, over a connection of its own, whose opening is part of the time."""
    began = time.perf_counter()
    connection = connect(port, secured)
    ask(connection)
    connection.close()
    return (time.perf_counter() - began) * 1000


def measure(ports, rounds, repeats):
    """Return the times of each kind, a list for each round."""
    kept = {name: connect(port, name != "plain") for name, port in ports.items()}
    found = {name: [] for name in (*ports, "plain_connect", "tls_connect")}
    gc.disable()
    for _ in range(rounds):
        times = {name: [] for name in found}
        for _ in range(repeats):
            for name, connection in kept.items():
                times[name].append(ask(connection))
            first = next(iter(kept))
            kept[first] = kept.pop(first)
            times["plain_connect"].append(ask_once(ports["plain"], False))
            times["tls_connect"].append(ask_once(ports["tls"], True))
        for name, seen in times.items():
            found[name].append(seen)
    return found


def main():
    """Do what the argument asks for, and leave nothing behind."""
    wanted = json.loads(sys.argv[1])
    folder = Path(tempfile.mkdtemp(prefix="tillstack-verify-"))
    ports = dict(zip(("plain", "tls", "tls_limited"), free_ports(3)))
    text = CONFIGURATION.format(folder=folder, certificate=wanted["certificate"], key=wanted["key"], **ports)
    (folder / "nginx.conf").write_text(text)
    server = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(ports["plain"], server)
        json.dump(measure(ports, wanted["rounds"], wanted["repeats"]), sys.stdout)
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
