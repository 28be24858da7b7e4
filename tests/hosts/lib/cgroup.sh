# shellcheck shell=bash
# Control groups. Where systemd is PID 1 of the machine, nspawn makes a scope by itself. Where it is
# not (a plain container or microVM), all hosts would share "/" of the name=systemd hierarchy, and
# the systemd of one host would move and kill the services of another: each host then enters a group
# of its own, tillstack/RUN/NAME, in every hierarchy before nspawn starts.

machine_has_systemd() { [[ -d /run/systemd/system ]]; }

cgroup_mounts() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }

# Called in the subshell that becomes the host, which is thereby moved.
cgroup_enter() { # NAME
  local mount part file
  if [[ $(stat -fc %T /sys/fs/cgroup) == tmpfs ]] && ! mountpoint -q /sys/fs/cgroup/systemd; then
    mkdir -p /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    touch "$STATE/systemd-cgroup-mounted"
  fi
  for mount in $(cgroup_mounts); do
    mkdir -p "$mount/tillstack/$RUN/$1" 2>/dev/null || continue
    if [[ -e $mount/cpuset.cpus ]]; then # a new cpuset is empty and takes no process
      for part in tillstack "tillstack/$RUN" "tillstack/$RUN/$1"; do
        for file in cpuset.cpus cpuset.mems; do cat "$mount/$file" >"$mount/$part/$file" 2>/dev/null || true; done
      done
    fi
    echo "$BASHPID" >"$mount/tillstack/$RUN/$1/cgroup.procs" 2>/dev/null || log "$1: cannot enter $mount/tillstack/$RUN/$1"
  done
}

# The group of a running host in a hierarchy of version 1, or its one group in version 2.
cgroup_of() { # NAME CONTROLLER
  local file path; file=/proc/$(leader "$1")/cgroup
  if path=$(grep -E "^[0-9]+:([a-z,]+,)?$2(,[a-z,]+)?:" "$file"); then
    echo "/sys/fs/cgroup/$2${path#*:*:}"
  else
    path=$(sed -n 's/^0:://p' "$file")
    echo "/sys/fs/cgroup${path%/init.scope}"
  fi
}

# Whatever of a host is still alive after its PID 1 died, e.g. the loop that restarts nspawn.
cgroup_kill() { # PATH below tillstack
  local mount pids deadline=$((SECONDS + 10))
  for mount in $(cgroup_mounts); do
    [[ -d $mount/tillstack/$1 ]] || continue
    while pids=$(find "$mount/tillstack/$1" -name cgroup.procs -exec cat {} + 2>/dev/null) && [[ -n $pids ]]; do
      (( SECONDS < deadline )) || { log "cannot kill all of $mount/tillstack/$1"; break; }
      # shellcheck disable=SC2086
      kill -KILL $pids 2>/dev/null || true
      sleep 0.05
    done
  done
}

cgroup_remove() { # PATH below tillstack
  local mount
  cgroup_kill "$1"
  for mount in $(cgroup_mounts); do
    [[ ! -d $mount/tillstack/$1 ]] || find "$mount/tillstack/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

cgroup_remove_all() {
  local mount
  for mount in $(cgroup_mounts); do rmdir "$mount/tillstack" 2>/dev/null || true; done
  if [[ -e $STATE/systemd-cgroup-mounted ]]; then
    umount /sys/fs/cgroup/systemd 2>/dev/null || true
    rm -f "$STATE/systemd-cgroup-mounted"
  fi
}
