# shellcheck shell=bash
# The network of a run: a /24, a bridge, NAT in an nft table of its own, one namespace per host.
# The third octet of the /24 names all of it, which keeps names short enough for the kernel (15).

bridge() { echo "tillstack$(octet)"; }
network() { echo "$NETWORK.$(octet)"; }
link_of() { echo "ts$(octet)-$(address "$1" | cut -d. -f4)"; }
namespace_of() { echo "tillstack-$RUN-$1"; }

# The first /24 that neither another run nor the machine uses. Called under the state's lock.
free_octet() {
  local n
  for n in $(seq 20 250); do
    grep -qsx "$n" "$STATE"/runs/*/octet && continue
    { ip -4 -o addr; ip -4 route show table all; } | grep -qF "$NETWORK.$n." && continue
    echo "$n"; return 0
  done
  die "no free /24 in $NETWORK.20.0 - $NETWORK.250.0: set TILLSTACK_HOSTS_NETWORK"
}

# The packets of a host leave by the default route: its MTU must fit there too.
uplink_mtu() {
  local device
  device=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p;q')
  cat "/sys/class/net/${device:-lo}/mtu"
}

network_up() {
  local net bridge table; net=$(network) bridge=$(bridge) table=$(bridge)
  if ! ip link show "$bridge" >/dev/null 2>&1; then
    ip link add "$bridge" type bridge
    ip link set "$bridge" mtu "$(uplink_mtu)"
    ip addr add "$net.1/24" dev "$bridge"
    ip link set "$bridge" up
  fi
  # Behind the bridge's own route: what is meant for the hosts never leaks to the default route.
  ip route replace unreachable "$net.0/24" metric 9999
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # A table of our own: no rule of the machine is touched, and one delete removes it all.
  nft -f - <<RULES
table ip $table {}
delete table ip $table
table ip $table {
  chain nat {
    type nat hook postrouting priority srcnat
    ip saddr $net.0/24 ip daddr != $net.0/24 masquerade
  }
  chain guard {
    type filter hook forward priority filter
    ip daddr $net.0/24 ip saddr != $net.0/24 ct state { established, related } accept
    ip daddr $net.0/24 ip saddr != $net.0/24 drop
  }
}
RULES
}

network_down() {
  [[ -s $(run_dir)/octet ]] || return 0
  local bridge; bridge=$(bridge)
  nft delete table ip "$bridge" 2>/dev/null || true
  ip link del "$bridge" 2>/dev/null || true
  ip route del unreachable "$(network).0/24" metric 9999 2>/dev/null || true
}

# The address in the network card of whoever has the IP address (a locally administered one): were it
# another for each host, all who knew the last owner of the IP address would miss the next one for a
# minute, until their neighbour table forgets.
mac_of() {
  # shellcheck disable=SC2046
  printf '02:00:%02x:%02x:%02x:%02x' $(address "$1" | tr . ' ')
}

# Namespace and veth are made and addressed from outside: the host needs no network service, and its
# cable can be pulled whatever state it is in.
plug_in() { # NAME
  local ns link mtu; ns=$(namespace_of "$1") link=$(link_of "$1") mtu=$(uplink_mtu)
  [[ ! -e /run/netns/$ns ]] || return 0
  ip netns add "$ns"
  ip link add "$link" mtu "$mtu" type veth \
    peer name eth0 address "$(mac_of "$1")" mtu "$mtu" netns "$ns"
  ip link set "$link" master "$(bridge)" up
  ip -n "$ns" link set lo up
  ip -n "$ns" addr add "$(address "$1")/24" brd + dev eth0
  ip -n "$ns" link set eth0 up
  ip -n "$ns" route add default via "$(network).1"
}

unplug() { # NAME
  ip netns del "$(namespace_of "$1")" 2>/dev/null || true
  ip link del "$(link_of "$1")" 2>/dev/null || true
}
