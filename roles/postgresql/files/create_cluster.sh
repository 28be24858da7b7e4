#!/bin/sh
# This file is managed by Ansible.
# Creates a cluster that is not started yet: create_cluster.sh VERSION NAME PORT ENCODING LOCALE [initdb option]
# A creation that was interrupted has left its mark beside the data and nothing of worth, so it starts again.
set -eu
version=$1 name=$2 port=$3 encoding=$4 locale=$5
shift 5
data=/var/lib/postgresql/$version/$name
conf=/etc/postgresql/$version/$name
mark=$data.creating

mkdir -p "${data%/*}"
# When the controller is cut off, what it started goes on here: wait for its end.
exec 9>"$data.lock"
flock 9
if [ -e "$mark" ]; then
    rm -rf -- "$data" "$conf"
elif [ -e "$data.created" ] && [ -e "$conf/postgresql.conf" ]; then
    exit 0
else
    for found in "$data" "$conf"; do
        if [ -e "$found" ]; then
            echo "$found exists without being a cluster that the checks saw, and is not touched: $(ls -lA "$found"). Move it away." >&2
            exit 1
        fi
    done
fi
: > "$mark"
sync "$mark"
pg_createcluster --port "$port" --encoding "$encoding" --locale "$locale" "$version" "$name" -- "$@"
mv -- "$mark" "$data.created"
