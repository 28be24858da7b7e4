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

if [ -e "$mark" ]; then
    rm -rf -- "$data" "$conf"
elif [ -e "$conf" ] || [ -e "$data" ]; then
    echo "$conf or $data exists without the other; neither is touched. Move it away or restore its counterpart." >&2
    exit 1
fi
mkdir -p "${data%/*}"
: > "$mark"
sync "$mark"
pg_createcluster --port "$port" --encoding "$encoding" --locale "$locale" "$version" "$name" -- "$@"
rm -- "$mark"
