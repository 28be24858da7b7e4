# shellcheck shell=bash
# The life of a run. Its folder is written before anything is made and removed after everything is
# gone, so a run that was killed at any point can be found and cleared.

run_dir() { echo "$STATE/runs/$RUN"; }
octet() { cat "$(run_dir)/octet"; }

# When a process started (proc(5), stat field 22): tells it from a later one with the same number.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

run_begin() {
  install -d -m 700 "$STATE"
  locked "$STATE/lock" run_record
}

run_record() {
  local dir; dir=$(run_dir)
  mkdir -p "$dir/hosts" "$dir/bases"
  [[ -z $OWNER ]] || echo "$OWNER $(started_at "$OWNER")" >"$dir/owner"
  [[ -s $dir/octet ]] || free_octet >"$dir/octet"
  [[ -s $STATE/ip_forward ]] || cat /proc/sys/net/ipv4/ip_forward >"$STATE/ip_forward"
}

# A run without an owner (the demo's) stays until it is taken down.
orphaned() { # RUN
  local pid start
  [[ -s $STATE/runs/$1/owner ]] || return 1
  read -r pid start <"$STATE/runs/$1/owner"
  [[ $(started_at "$pid") != "$start" ]]
}

runs() { ls -1 "$STATE/runs" 2>/dev/null || true; }

cmd_sweep() { [[ ! -d $STATE ]] || locked "$STATE/lock.sweep" sweep_runs; }
sweep_runs() {
  local run
  for run in $(runs); do
    if orphaned "$run"; then
      log "clearing run '$run', whose owner is gone"
      RUN=$run cmd_down
    fi
  done
}

cmd_down() {
  local name
  [[ -d $(run_dir) ]] || return 0
  for name in $(hosts); do host_remove "$name"; done
  network_down
  cgroup_remove "$RUN"
  locked "$STATE/lock" run_forget
}

run_forget() {
  rm -rf --one-file-system "$(run_dir)"
  [[ -z $(runs) ]] || return 0
  # The last run is gone: the machine gets back what all runs shared.
  if [[ -s $STATE/ip_forward ]]; then cat "$STATE/ip_forward" >/proc/sys/net/ipv4/ip_forward; fi
  cgroup_remove_all
  rm -rf --one-file-system "$STATE/runs" "$STATE/ip_forward"
}
