# shellcheck shell=bash
# Things that go wrong with a host, done from outside.

cmd_cut() { has "${1:?which host?}"; ip link set "$(link_of "$1")" down; }
cmd_heal() { has "${1:?which host?}"; ip link set "$(link_of "$1")" up; }

freezer() { # NAME, the word of version 1, the number of version 2
  local group; has "$1"; group=$(cgroup_of "$1" freezer)
  if [[ -e $group/freezer.state ]]; then echo "$2" >"$group/freezer.state"; else echo "$3" >"$group/cgroup.freeze"; fi
}
cmd_freeze() { freezer "${1:?which host?}" FROZEN 1; }
cmd_thaw() { freezer "${1:?which host?}" THAWED 0; }

memory_limit() { # NAME SIZE
  local group size; group=$(cgroup_of "$1" memory)
  if [[ $2 == max ]]; then size=-1; else size=$(numfmt --from=iec "$2"); fi
  if [[ -e $group/memory.limit_in_bytes ]]; then
    echo "$size" >"$group/memory.limit_in_bytes"
  else
    echo "${size/#-1/max}" >"$group/memory.max"
  fi
}
cmd_memory() { # NAME SIZE, kept over a stop
  has "${1:?which host?}"
  echo "${2:?how much? (e.g. 800M, or max)}" >"$(host_dir "$1")/memory"
  if alive "$1"; then memory_limit "$1" "$2"; fi
}

cmd_disk() { # NAME DIR SIZE, kept over a stop
  local name=${1:?which host?} target=${2:?on which folder?} size=${3:?how large?} dir image loop; has "$name"
  dir=$(host_dir "$name") image=$dir/disk${target//\//_}.img
  truncate -s "$size" "$image"
  mkfs.ext4 -q -m0 -F "$image"
  loop=$(losetup -f --show "$image")
  mkdir -p "$dir/root$target"
  mount "$loop" "$dir/root$target"
  echo "$loop $dir/root$target" >>"$dir/disks"
  rm -rf "$dir/root$target/lost+found"
  if alive "$name"; then # it has a mount namespace of its own
    # shellcheck disable=SC2016
    nsenter -t "$(leader "$name")" -m -- sh -c '[ -b "$1" ] || mknod "$1" b 7 "${1#/dev/loop}"; mkdir -p "$2"; mount "$1" "$2"' \
      sh "$loop" "$target"
  fi
}

cmd_throttle() { # NAME DIR WRITES: how many a second the disk on DIR takes from the host; max lifts it
  local name=${1:?which host?} target=${2:?the disk on which folder?} writes=${3:?how many writes a second?} dir loop device group part
  has "$name"; dir=$(host_dir "$name")
  loop=$(awk -v mount="$dir/root$target" '$2 == mount { print $1 }' "$dir/disks" 2>/dev/null) || true
  [[ -n $loop ]] || die "$name has no disk on $target (hosts disk NAME DIR SIZE)"
  device=$(<"/sys/block/${loop#/dev/}/dev") group=$(cgroup_of "$name" blkio)
  if [[ -e $group/blkio.throttle.write_iops_device ]]; then
    echo "$device ${writes/#max/0}" >"$group/blkio.throttle.write_iops_device"
  else
    part=/sys/fs/cgroup # version 2: the controller is handed down from group to group
    while [[ $part != "$group" ]]; do
      echo +io >"$part/cgroup.subtree_control"
      part=$part/$(cut -d/ -f1 <<<"${group#"$part/"}")
    done
    echo "$device wiops=$writes" >"$group/io.max"
  fi
}
