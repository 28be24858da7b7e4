# shellcheck shell=bash
# Bases: the trees that hosts are laid over. A Debian base is built once by debootstrap, named after
# its recipe and kept in the cache; it holds nothing of this machine (mirrors, certificates and keys
# come with each host). A saved base is a layer of one run.

BASE_PACKAGES=systemd,systemd-sysv,libpam-systemd,dbus,openssh-server,python3,python3-apt,sudo
BASE_PACKAGES+=,ca-certificates,iproute2,iputils-ping,procps,locales,nftables,gnupg,curl

# The URI of the machine's own mirror of Debian or Debian-Security.
mirror_of() { # LABEL
  # shellcheck disable=SC2016  # apt expands it
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" 2>/dev/null | sed -n 's#/*$##;1p'
}
mirrors() {
  local main=${TILLSTACK_HOSTS_MIRROR:-} security=${TILLSTACK_HOSTS_SECURITY_MIRROR:-}
  if [[ -z $main && -z $(mirror_of Debian) ]]; then apt-get update -qq; fi
  main=${main:-$(mirror_of Debian)} security=${security:-$(mirror_of Debian-Security)}
  [[ -n $main && -n $security ]] ||
    die "this machine's apt knows no Debian mirror: set TILLSTACK_HOSTS_MIRROR and TILLSTACK_HOSTS_SECURITY_MIRROR"
  echo "$main $security"
}

base_key() { { echo "$BASE_PACKAGES"; declare -f base_customise; } | sha256sum | cut -c1-8; }

base_customise() { # TREE
  local tree=$1 unit
  echo 'force-unsafe-io' >"$tree/etc/dpkg/dpkg.cfg.d/disposable" # no fsync per file
  echo 'Acquire::Languages "none";' >"$tree/etc/apt/apt.conf.d/90disposable"
  # Nothing in the host may touch its network, wait for hardware or race for apt's lock.
  for unit in systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service \
    systemd-resolved.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
    console-getty.service getty@tty1.service systemd-udevd.service systemd-udevd-kernel.socket \
    systemd-udevd-control.socket; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
  echo 'en_US.UTF-8 UTF-8' >"$tree/etc/locale.gen"
  chroot "$tree" locale-gen >/dev/null 2>&1
  echo 'LANG=en_US.UTF-8' >"$tree/etc/default/locale"
  chroot "$tree" useradd -m -s /bin/bash admin
  install -m 440 /dev/stdin "$tree/etc/sudoers.d/90-admin" <<<'admin ALL=(ALL) NOPASSWD: ALL'
  : >"$tree/etc/machine-id"
  rm -f "$tree"/etc/ssh/ssh_host_* "$tree"/var/lib/dbus/machine-id
  rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
}

cmd_base() { # [SUITE]
  local suite=${1:-$SUITE_DEFAULT}
  [[ $suite =~ ^(bookworm|bullseye)$ ]] || die "no base '$suite': bookworm, bullseye, or one saved in this run"
  mkdir -p "$CACHE"
  [[ -d $CACHE/$suite-$(base_key) ]] || locked "$CACHE/lock" base_build "$suite"
}

# Built aside and moved into place: a killed build leaves nothing that looks finished.
base_build() { # SUITE
  local suite=$1 tree archive part; tree=$CACHE/$suite-$(base_key) archive=$tree.tar.zst
  [[ ! -d $tree ]] || return 0 # another run was faster
  rm -rf --one-file-system "$CACHE"/*.part
  part=$tree.part
  mkdir -p "$part" "$CACHE/debs"
  if [[ -s $archive ]]; then
    tar -C "$part" --zstd -xpf "$archive" --xattrs --xattrs-include='*' --numeric-owner
  else
    log "building the base of $suite (about a minute, once)"
    local main security; read -r main security < <(mirrors)
    # A mount namespace of its own: debootstrap's mounts end with it, killed or not.
    unshare --mount debootstrap --variant=minbase --include="$BASE_PACKAGES" --cache-dir="$CACHE/debs" \
      "$suite" "$part" "$main" >"$CACHE/debootstrap-$suite.log" 2>&1 || die "debootstrap failed: see $CACHE/debootstrap-$suite.log"
    base_customise "$part"
    tar -C "$part" --zstd -cpf "$archive.part" --xattrs --xattrs-include='*' --numeric-owner .
    mv "$archive.part" "$archive"
  fi
  mv "$part" "$tree"
}

# The layers of a base, topmost first, as overlayfs wants them.
base_layers() { # BASE
  if [[ -s $(run_dir)/bases/$1/layers ]]; then cat "$(run_dir)/bases/$1/layers"; else echo "$CACHE/$1-$(base_key)"; fi
}
base_ready() { [[ -s $(run_dir)/bases/$1/layers ]] || cmd_base "$1"; }

# The host's own layer becomes one that others share, and the host goes on over it: nothing is copied.
cmd_save() { # NAME BASE
  local name=${1:?which host?} base=${2:?under which name?} dir saved; has "$name"; dir=$(host_dir "$name")
  [[ $base =~ ^[a-z][a-z0-9-]*$ ]] || die "bad base name '$base'"
  saved=$(run_dir)/bases/$base
  if alive "$name"; then die "stop $name first"; fi
  [[ ! -d $saved ]] || die "this run has a base '$base' already"
  host_umount "$name"
  mkdir "$saved"
  mv "$dir/upper" "$saved/tree"
  echo "$saved/tree:$(cat "$dir/layers")" >"$saved/layers"
  cp "$saved/layers" "$dir/layers"
  rm -rf "$dir/work"
  mkdir "$dir/upper" "$dir/work"
}
