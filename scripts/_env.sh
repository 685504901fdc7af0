# shellcheck shell=sh
# Sourced by the scripts beside it: makes .venv and keeps it fresh. Nothing here asks for root or writes outside the checkout
# (pip's own cache aside). The package index is whatever pip is configured for.

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
VENV=$ROOT/.venv
cd "$ROOT" || exit 1

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# What the system itself must have. All that is missing is named at once, with the one line that installs it.
check_system() {
  SYSTEM_PYTHON=${PYTHON:-python3}
  command -v "$SYSTEM_PYTHON" >/dev/null 2>&1 ||
    die "Python 3.11 or newer is needed, and there is no '$SYSTEM_PYTHON'. Debian and Ubuntu: apt-get install -y python3 python3-venv libgomp1"
  "$SYSTEM_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed; '$SYSTEM_PYTHON' is $("$SYSTEM_PYTHON" -V 2>&1). Name another one: PYTHON=python3.12 $0"
  missing=
  "$SYSTEM_PYTHON" -c 'import venv, ensurepip' 2>/dev/null || missing="python3-venv"
  # llama.cpp's library is linked against the system's OpenMP, which a Debian without a compiler does not have
  "$SYSTEM_PYTHON" -c 'import ctypes, sys; sys.platform != "linux" or ctypes.CDLL("libgomp.so.1")' 2>/dev/null ||
    missing="$missing libgomp1"
  [ -z "$missing" ] || die "The system lacks: ${missing# }. Debian and Ubuntu: apt-get install -y ${missing# }"
}

# What an environment was made from: when this changes, it is installed anew.
fingerprint() {
  cat pyproject.toml constraints.txt scripts/_env.sh | "$SYSTEM_PYTHON" -c \
    'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

# make_env run|dev: .venv with the package and, for dev, the tools; one script at a time makes it.
make_env() {
  check_system
  mkdir -p .work
  if command -v flock >/dev/null 2>&1; then
    exec 9>.work/env.lock
    flock 9
  fi
  refresh_env "$1"
  exec 9>&-
}

refresh_env() {
  wanted=$(fingerprint)
  # a venv can be neither moved nor given another Python: then it is made anew
  place="$VENV $("$SYSTEM_PYTHON" -V)"
  if [ "$(cat "$VENV/.made-at" 2>/dev/null)" != "$place" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    say "Making the environment in .venv"
    rm -rf "$VENV"
    "$SYSTEM_PYTHON" -m venv "$VENV" || die "The environment could not be made; see above."
    printf '%s\n' "$place" >"$VENV/.made-at"
  fi
  [ "$(cat "$VENV/.stamp-dev" 2>/dev/null)" != "$wanted" ] || return 0
  [ "$1" != run ] || [ "$(cat "$VENV/.stamp-run" 2>/dev/null)" != "$wanted" ] || return 0
  rm -f "$VENV/.stamp-run" "$VENV/.stamp-dev"
  say "Installing (once, and again when pyproject.toml or constraints.txt change)"
  install --upgrade pip # the one of an older Python knows no --group
  if [ "$1" = dev ]; then
    install --editable '.[local]' --group dev
  else
    install --editable '.[local]'
  fi
  printf '%s\n' "$wanted" >"$VENV/.stamp-$1"
}

install() {
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$@" ||
    die "The installation failed; see above. Without network, pip needs a local index: see 'pip config list'."
}
