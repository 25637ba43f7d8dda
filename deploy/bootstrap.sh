#!/bin/sh
# Make .venv from the hashed lock, add the system libraries that are missing, build the assets.
# Repeating it costs nothing: each part looks first whether it is already done.
set -eu
cd "$(dirname "$0")/.."

LIBRARIES="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk chromium poppler-utils"
say() { printf '%s\n' "$*"; }

# ------------------------------------------------------------------ apt
apt_prefix() {  # prints the words before apt-get, fails where nothing may be installed
  command -v apt-get >/dev/null 2>&1 || return 1
  if [ "$(id -u)" = 0 ]; then say "env DEBIAN_FRONTEND=noninteractive"; return 0; fi
  if command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
    say "sudo -n env DEBIAN_FRONTEND=noninteractive"; return 0
  fi
  return 1
}

apt_install() {
  prefix=$(apt_prefix) || return 1
  log=$(mktemp)
  # shellcheck disable=SC2086 # the words of the prefix and of the package list are separate
  if { [ -n "${APT_UPDATED:-}" ] || $prefix apt-get update; } >"$log" 2>&1 \
    && $prefix apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
    APT_UPDATED=1; rm -f "$log"; return 0
  fi
  tail -n 5 "$log"; rm -f "$log"; return 1
}

# --------------------------------------------------------------- Python
version_fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

find_python() {  # prints the first Python that can make an environment
  for name in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3 python; do
    found=$(command -v "$name" 2>/dev/null) || continue
    if version_fits "$found" && makes_venvs "$found"; then say "$found"; return 0; fi
  done
  return 1
}

need_python() {
  python=$(find_python) && return 0
  wanted="python3 python3-venv"
  for name in python3 /usr/bin/python3; do
    if version_fits "$name"; then
      wanted="$("$name" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])') python3-venv"
    fi
  done
  say "需要 Python 3.11 或更新版本（含 venv）：正在安装 $wanted ……"
  # shellcheck disable=SC2086
  apt_install $wanted && python=$(find_python) && return 0
  say "没有可用的 Python。请先执行（需要管理员权限）："
  say "    apt-get update && apt-get install -y $wanted"
  say "如果系统自带的 Python 低于 3.11，请安装更新版本，并用 PYTHON=路径 make run 指明。"
  exit 1
}

# ---------------------------------------------------------- environment
fingerprint() { cat requirements.lock uv.txt | cksum; .venv/bin/python -V 2>/dev/null || true; }

with_uv() {  # the second try trusts the certificates of this machine (a company's proxy)
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r uv.txt 2>/dev/null \
    && UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-0}" \
      .venv/bin/uv pip sync -q --python .venv/bin/python --require-hashes requirements.lock 2>/dev/null
}

need_environment() {
  if [ -x .venv/bin/python ] && [ "$(cat .venv/.house-stamp 2>/dev/null)" = "$(fingerprint)" ]; then
    return 0
  fi
  need_python
  if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "正在建立 .venv（$("$python" -V)）……"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  say "正在安装锁定版本的依赖（第一次约需半分钟）……"
  with_uv || UV_SYSTEM_CERTS=1 with_uv || {
    say "uv 未能完成，改用 pip（约需一分钟）……"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
  }
  fingerprint > .venv/.house-stamp
}

# ----------------------------------------------------- system libraries
is_installed() {
  case $1 in
    chromium) command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
      || command -v google-chrome >/dev/null 2>&1 ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
  esac
}

need_libraries() {
  command -v dpkg-query >/dev/null 2>&1 || { say "提示：不是 Debian/Ubuntu，请自行安装 pango、思源字体和 Chromium。"; return 0; }
  missing=""
  for each in $LIBRARIES; do is_installed "$each" || missing="$missing $each"; done
  [ -z "$missing" ] && return 0
  say "正在安装系统组件：$missing ……"
  # shellcheck disable=SC2086
  apt_install $missing && return 0
  say "下列系统组件没有装上；网页、数据库和后台任务可用，PDF 与浏览器测试需要它们。请执行（需要管理员权限）："
  say "    apt-get update && apt-get install -y --no-install-recommends$missing"
}

need_environment
need_libraries
if [ -f deploy/assets.sh ]; then sh deploy/assets.sh; fi
