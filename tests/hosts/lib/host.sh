# shellcheck shell=bash
# One host: create, boot, stop, power cut, remove.

host_dir() { echo "$(run_dir)/hosts/$1"; }
has() { [[ -s $(host_dir "$1")/address ]] || die "run '$RUN' has no host '$1'"; }
address() { cat "$(host_dir "$1")/address"; }
hosts() { ls -1 "$(run_dir)/hosts" 2>/dev/null || true; }
machine() { echo "tillstack-$RUN-$1"; }

# The PID of the host's nspawn; the command line is compared since a PID may be used again.
nspawn_pid() {
  local pid
  pid=$(cat "$(host_dir "$1")/pid" 2>/dev/null) && [[ -n $pid ]] &&
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -e "--machine=$(machine "$1")" && echo "$pid"
}
alive() { nspawn_pid "$1" >/dev/null; }
# The PID, on the machine, of the host's own PID 1.
leader() { pgrep -o -P "$(nspawn_pid "$1")"; }

host_mount() { # NAME
  local dir; dir=$(host_dir "$1")
  mountpoint -q "$dir/root" ||
    mount -t overlay "$(machine "$1")" -o "lowerdir=$(cat "$dir/layers"),upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
}
host_umount() { # NAME
  local root; root=$(host_dir "$1")/root
  mountpoint -q "$root" || return 0
  umount "$root" 2>/dev/null || umount -l "$root"
}

host_create() { # NAME BASE
  local name=$1 base=$2 dir; dir=$(host_dir "$name")
  [[ $name =~ ^[a-z][a-z0-9-]{0,19}$ ]] || die "bad host name '$name': up to 20 of a-z, 0-9 and -"
  [[ ! -e $dir/created ]] || return 0
  base_ready "$base"
  mkdir -p "$dir"/{upper,work,root}
  [[ -s $dir/layers ]] || base_layers "$base" >"$dir/layers"
  echo "$base" >"$dir/base"
  locked "$(run_dir)/lock" host_address "$name"
  host_mount "$name"
  host_identity "$name"
  touch "$dir/created"
}

host_address() { # NAME
  local n
  [[ ! -s $(host_dir "$1")/address ]] || return 0
  for n in $(seq 11 250); do
    grep -qsx "$(network).$n" "$(run_dir)"/hosts/*/address || { echo "$(network).$n" >"$(host_dir "$1")/address"; return 0; }
  done
  die "run '$RUN' has no address left"
}

# What must not be shared between hosts, and what belongs to this machine rather than to the base.
host_identity() { # NAME
  local name=$1 root key main security proxy; root=$(host_dir "$name")/root key=$(run_dir)/id_ed25519
  echo "$name" >"$root/etc/hostname"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  # A resolver on the machine's loopback cannot be reached from the host's namespace.
  rm -f "$root/etc/resolv.conf"
  grep -v 'nameserver 127\.' /etc/resolv.conf >"$root/etc/resolv.conf" || true

  read -r main security < <(mirrors)
  local suite; suite=$(sed -n 's/^VERSION_CODENAME=//p' "$root/etc/os-release")
  local sources=("$main $suite" "$main $suite-updates" "$security $suite-security")
  # Out of support: its security pool lacks files that its index still names.
  [[ $suite != bullseye ]] || sources=("$main $suite")
  printf 'deb %s main\n' "${sources[@]}" >"$root/etc/apt/sources.list"
  proxy=$(apt-config dump --no-empty --format '%F "%v";%n' Acquire::http::Proxy)
  [[ -z $proxy ]] || echo "$proxy" >"$root/etc/apt/apt.conf.d/90proxy"
  host_trust "$root"

  locked "$(run_dir)/lock" ssh_key "$key"
  rm -f "$root"/etc/ssh/ssh_host_*
  ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$root/etc/ssh/ssh_host_ed25519_key"
  install -D -m 600 "$key.pub" "$root/home/$ADMIN/.ssh/authorized_keys"
  chown -R "$(stat -c %u:%g "$root/home/$ADMIN")" "$root/home/$ADMIN/.ssh"
  locked "$(run_dir)/lock" known_host "$name"
}

ssh_key() { [[ -s $1 ]] || ssh-keygen -q -t ed25519 -N '' -C "tillstack-$RUN" -f "$1"; }

known_host() { # NAME
  local file; file=$(run_dir)/known_hosts
  touch "$file"
  sed -i "/^$(address "$1"),/d" "$file"
  echo "$(address "$1"),$1 $(cut -d' ' -f1,2 "$(host_dir "$1")/root/etc/ssh/ssh_host_ed25519_key.pub")" >>"$file"
}

# Behind a proxy with a certificate authority of its own, pip and curl in the host must know it too.
# update-ca-certificates writes the bundle anew: the hook appends ours again, so that a CA which a
# role installs stays in.
host_trust() { # ROOT
  local root=$1 bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  [[ -s $bundle ]] || return 0
  install -D -m 644 "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
  install -D -m 644 "$bundle" "$root/usr/local/share/machine-trust/ca-bundle.crt"
  install -D -m 755 /dev/stdin "$root/etc/ca-certificates/update.d/zz-machine-trust" <<'HOOK'
#!/bin/sh
cat /usr/local/share/machine-trust/ca-bundle.crt >>/etc/ssl/certs/ca-certificates.crt
HOOK
}

# Every host of a run knows every other by name.
names_everywhere() {
  local name names
  names=$(echo "127.0.0.1 localhost"; for name in $(hosts); do echo "$(address "$name") $name"; done)
  for name in $(hosts); do
    if mountpoint -q "$(host_dir "$name")/root"; then echo "$names" >"$(host_dir "$name")/root/etc/hosts"; fi
  done
}

host_start() { # NAME
  local name=$1 dir keep=(); dir=$(host_dir "$name")
  if alive "$name"; then return 0; fi
  network_up
  host_mount "$name"
  plug_in "$name"
  machine_has_systemd || keep=(--keep-unit)
  (
    machine_has_systemd || cgroup_enter "$name"
    exec </dev/null >>"$dir/console.log" 2>&1
    # The host may write /proc/sys/net of its own namespace; the rest of /proc/sys is the machine's.
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
    # With --keep-unit nspawn answers a reboot from inside with status 133: boot again.
    # shellcheck disable=SC2016
    exec setsid bash -c 'pidfile=$1; shift
      while :; do "$@" & echo $! >"$pidfile"; wait $!; [ $? = 133 ] || break; done; : >"$pidfile"' \
      tillstack-host "$dir/pid" \
      systemd-nspawn --quiet --directory="$dir/root" --machine="$(machine "$name")" --hostname="$name" \
      --register=no "${keep[@]}" --network-namespace-path="/run/netns/$(namespace_of "$name")" \
      --resolv-conf=off --timezone=off --link-journal=no --uuid="$(cat "$dir/root/etc/machine-id")" \
      --capability=CAP_NET_ADMIN --console=pipe --boot
  ) &
  local deadline=$((SECONDS + 10))
  until alive "$name"; do
    (( SECONDS < deadline )) || die "$name did not start: see $dir/console.log"
    sleep 0.02
  done
  if [[ -s $dir/memory ]]; then memory_limit "$name" "$(cat "$dir/memory")"; fi
}

# Until sshd answers and boot is over. "degraded" is said aloud but is no failure of the host.
host_wait() { # NAME
  local name=$1 state deadline=$((SECONDS + 60)); local console; console=$(host_dir "$name")/console.log
  while (( SECONDS < deadline )); do
    alive "$name" || { tail -n 5 "$console" >&2; die "$name died while booting: see $console"; }
    if (echo >"/dev/tcp/$(address "$name")/22") 2>/dev/null; then
      state=$(cmd_ssh "$name" systemctl is-system-running --wait 2>/dev/null </dev/null) || true
      case $state in
        running) return 0 ;;
        degraded)
          log "$name is degraded: $(cmd_ssh "$name" systemctl --failed --no-legend --plain </dev/null | cut -d' ' -f1 | xargs)"
          return 0 ;;
      esac
    fi
    sleep 0.1
  done
  die "$name did not answer by ssh within 60 s: see $console"
}

cmd_up() { # NAME[=BASE] ...
  (( $# )) || die "up: which hosts? (up NAME[=BASE] ...)"
  local spec name base
  cmd_sweep
  run_begin
  for spec; do
    name=${spec%%=*} base=${spec#*=}
    [[ $spec == *=* ]] || base=$SUITE_DEFAULT
    host_create "$name" "$base"
    host_mount "$name"
  done
  names_everywhere
  for spec; do host_start "${spec%%=*}"; done
  for spec; do host_wait "${spec%%=*}"; done
}

# Wait until nspawn is gone, then for what it left.
host_gone() { # NAME SECONDS
  local deadline=$((SECONDS + $2))
  while alive "$1"; do
    (( SECONDS < deadline )) || return 1
    sleep 0.02
  done
  : >"$(host_dir "$1")/pid"
  cgroup_remove "$RUN/$1"
}

cmd_start() { has "${1:?which host?}"; host_start "$1"; host_wait "$1"; }

cmd_stop() { # NAME
  has "${1:?which host?}"
  alive "$1" || return 0
  kill -s RTMIN+4 "$(leader "$1")" # systemd(1): power off, orderly
  host_gone "$1" 45 || { log "$1: no orderly end within 45 s, power cut"; cmd_kill "$1"; }
}

cmd_kill() { # NAME
  has "${1:?which host?}"
  alive "$1" || return 0
  # With its PID 1 the kernel kills the whole host.
  kill -KILL "$(leader "$1" || nspawn_pid "$1")" 2>/dev/null || true
  host_gone "$1" 10 || { kill -KILL "$(nspawn_pid "$1")"; host_gone "$1" 5; }
}

cmd_reboot() { cmd_stop "$@"; cmd_start "$@"; }

host_remove() { # NAME
  local name=$1 dir mount loop; dir=$(host_dir "$name")
  [[ -d $dir ]] || return 0
  if [[ -s $dir/address ]]; then
    cmd_kill "$name"
    unplug "$name"
  fi
  cgroup_remove "$RUN/$name"
  if [[ -s $dir/disks ]]; then
    while read -r loop mount; do
      umount "$mount" 2>/dev/null || true
      losetup -d "$loop" 2>/dev/null || true
    done <"$dir/disks"
  fi
  host_umount "$name"
  rmdir "/run/systemd/nspawn/propagate/$(machine "$name")" "/run/systemd/nspawn/unix-export/$(machine "$name")" 2>/dev/null || true
  rm -rf --one-file-system "$dir"
}

cmd_rm() { local name; for name; do host_remove "$name"; done; }
