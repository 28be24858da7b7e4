"""Reading inventories, and how a host is reached."""

from pathlib import Path
from typing import Any

import pytest

from verify.estate.connection import ssh_arguments
from verify.estate.described import Estate, EstateError, Host, UnreachableError, describe, read_groups

CONNECTION: dict[str, Any] = dict.fromkeys(
    (
        "ansible_connection",
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_ssh_private_key_file",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
    )
)


def _host(**connection: Any) -> Host:
    return Host("db", ("postgresql",), CONNECTION | connection, {"a": None, "b": 1}, {})


def test_groups_include_the_hosts_of_their_children(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[north]\na\n[postgresql:children]\nnorth\n[odoo]\nb\nc\n")
    assert read_groups([str(inventory)]) == {
        "postgresql": ["a"],
        "pgbouncer": [],
        "odoo": ["b", "c"],
        "nginx": [],
    }


def test_an_inventory_without_our_groups_is_refused(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[web]\na\n")
    with pytest.raises(EstateError, match="no host in any of the groups postgresql"):
        read_groups([str(inventory)])


def test_a_missing_inventory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="nowhere"):
        read_groups([str(tmp_path / "nowhere")])


def test_a_host_that_was_not_described_says_why() -> None:
    estate = Estate({"db": _host()}, {"app": "no route to host"})
    assert estate.host("db").name == "db"
    with pytest.raises(UnreachableError, match="app: no route to host"):
        estate.host("app")


def test_variables_without_a_value_are_passed_over() -> None:
    assert Estate({"db": _host()}, {}).variable("b") == 1
    assert Estate({"db": _host()}, {}).variable("a") is None


def test_ssh_options_follow_the_inventory() -> None:
    host = _host(
        ansible_host="192.0.2.1",
        ansible_user="admin",
        ansible_port=2222,
        ansible_ssh_private_key_file="/keys/id",
        ansible_ssh_common_args="-o 'ProxyCommand=ssh -W %h:%p jump'",
    )
    arguments = ssh_arguments(host)
    assert host.address == "192.0.2.1"
    for option in ("User=admin", "Port=2222", "IdentityFile=/keys/id", "ProxyCommand=ssh -W %h:%p jump"):
        assert option in arguments
    assert _host().address == "db"


def test_secrets_are_not_in_what_python_shows_of_a_host() -> None:
    host = Host("db", (), {"ansible_password": "hunter22"}, {"odoo_admin_password": "hunter22"}, {})
    assert "hunter22" not in repr(host)


def test_a_host_out_of_reach_is_described_by_the_reason(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho no route to this host >&2\nexit 255\n")
    ssh.chmod(0o755)
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(f"[nginx]\nweb ansible_host=192.0.2.1 ansible_ssh_executable={ssh}\n")
    estate = describe([str(inventory)], read_groups([str(inventory)]))
    assert estate.hosts == {}
    assert "no route to this host" in estate.unreachable["web"]
    assert "{" not in estate.unreachable["web"]
