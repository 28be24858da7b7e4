# shellcheck shell=bash
# Settings, messages and locks that every part uses.

# shellcheck disable=SC2034  # used by the other parts
{
  RUN=${TILLSTACK_RUN:-default}
  OWNER=${TILLSTACK_OWNER:-}
  CACHE=${TILLSTACK_HOSTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tillstack/hosts}
  STATE=${TILLSTACK_HOSTS_STATE:-/var/lib/tillstack-hosts}
  NETWORK=${TILLSTACK_HOSTS_NETWORK:-10.199}
  ADMIN='admin'
  SUITE_DEFAULT=bookworm
}

log() { echo "hosts: $*" >&2; }
die() { log "$*"; exit 1; }

# Run a command under an exclusive lock. The command does not inherit the lock's descriptor: what it
# leaves running (a booted host) must not hold the lock.
locked() { # FILE COMMAND [ARG ...]
  local file=$1; shift
  mkdir -p "$(dirname "$file")"
  ( flock 9; "$@" 9>&- ) 9>"$file"
}

cmd_deps() {
  local missing=() package
  for package in debootstrap systemd-container nftables iproute2 openssh-client procps zstd e2fsprogs; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  (( ${#missing[@]} )) || return 0
  log "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
