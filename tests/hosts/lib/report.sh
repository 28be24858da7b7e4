# shellcheck shell=bash
# What a user or a program asks of a run: login, inventory, lists.

ssh_options() {
  echo "-o UserKnownHostsFile=$(run_dir)/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
}

cmd_ssh() { # NAME [COMMAND ...]
  local name=${1:?which host?}; shift; has "$name"
  # shellcheck disable=SC2046
  ssh -i "$(run_dir)/id_ed25519" $(ssh_options) -o ConnectTimeout=5 -o BatchMode=yes -o LogLevel=ERROR "$ADMIN@$(address "$name")" "$@"
}

cmd_inventory() {
  local name
  echo 'all:'
  echo '  hosts:'
  for name in $(hosts); do printf '    %s:\n      ansible_host: %s\n' "$name" "$(address "$name")"; done
  cat <<VARS
  vars:
    ansible_user: $ADMIN
    ansible_become: true
    ansible_python_interpreter: /usr/bin/python3
    ansible_ssh_private_key_file: $(run_dir)/id_ed25519
    ansible_ssh_common_args: $(ssh_options)
VARS
}

cmd_list() {
  local name state memory
  for name in $(hosts); do
    state=down memory=-
    if alive "$name"; then
      state=up
      memory=$(cat "$(cgroup_of "$name" memory)"/memory.{usage_in_bytes,current} 2>/dev/null) && true
      memory=$(numfmt --to=iec "${memory:-0}")
    fi
    printf '%-20s %-15s %-12s %-5s %s\n' "$name" "$(address "$name")" "$(cat "$(host_dir "$name")/base")" "$state" "$memory"
  done
}

cmd_runs() {
  local run
  for run in $(runs); do RUN=$run run_line; done
}
run_line() {
  local owner=none
  if [[ -s $(run_dir)/owner ]]; then owner=$(cut -d' ' -f1 "$(run_dir)/owner"); fi
  if orphaned "$RUN"; then owner+=' (gone)'; fi
  printf '%-24s owner %-16s %s.0/24  %s\n' "$RUN" "$owner" "$(network)" "$(hosts | xargs)"
}
