#!/bin/sh
# Make .venv from the hashed lock, add the system libraries that are missing, build the assets.
# Repeating it costs nothing: each part looks first whether it is already done.
#   deploy/bootstrap.sh         what the site needs
#   deploy/bootstrap.sh test    and the browser and the PDF tools of the tests
# PYTHON=... chooses an interpreter; NO_APT=1 leaves the system's packages alone. EXTRA=bench adds
# the packages that benchmarks compare with, until EXTRA=none takes them away again.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-run}

LIBRARIES="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk"
TOOLS="chromium chromium-headless-shell poppler-utils openssl softhsm2"
LOG=.setup.log
say() { printf '%s\n' "$*"; }

step() {  # runs a long step quietly and says how long it takes; its last words if it fails
  title=$1; shift
  begin=$(date +%s); told=0
  "$@" >"$LOG" 2>&1 </dev/null &
  child=$!
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.3
    passed=$(($(date +%s) - begin))
    if [ "$passed" -ge $((told + 10)) ]; then told=$passed; say "  $title …… 已 $passed 秒"; fi
  done
  status=0; wait "$child" || status=$?
  trap - INT TERM
  passed=$(($(date +%s) - begin))
  if [ "$status" != 0 ]; then
    tail -n 12 "$LOG" | sed 's/^/    | /'; say "$title：没有成功（$passed 秒）"; return "$status"
  fi
  [ "$passed" -lt 2 ] || say "$title：完成（$passed 秒）"
}

# ------------------------------------------------------------------ apt
apt_prefix() {  # prints the words before apt-get, fails where nothing may be installed
  [ -z "${NO_APT:-}" ] || return 1
  command -v apt-get >/dev/null 2>&1 || return 1
  if [ "$(id -u)" = 0 ]; then say "env DEBIAN_FRONTEND=noninteractive"; return 0; fi
  if command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
    say "sudo -n env DEBIAN_FRONTEND=noninteractive"; return 0
  fi
  return 1
}

apt_install() {
  prefix=$(apt_prefix) || return 1
  # Without a fresh list what the machine already knows may do. Two installations at once wait.
  # shellcheck disable=SC2086 # the words of the prefix are separate
  $prefix apt-get -o DPkg::Lock::Timeout=300 update || true
  # shellcheck disable=SC2086
  $prefix apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# --------------------------------------------------------------- Python
version_fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import venv, ensurepip; ensurepip.version()' >/dev/null 2>&1; }

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
  if apt_prefix >/dev/null; then
    for each in "$wanted" "python3.12 python3.12-venv" "python3.11 python3.11-venv"; do
      # shellcheck disable=SC2086
      step "安装 $each" apt_install $each && python=$(find_python) && return 0
    done
  fi
  say "没有可用的 Python。请先执行（需要管理员权限）："
  say "    apt-get update && apt-get install -y $wanted"
  say "如果系统自带的 Python 低于 3.11，请安装更新版本，并用 PYTHON=路径 make run 指明。"
  exit 2
}

# ---------------------------------------------------------- environment
choose_lock() {
  extra=${EXTRA:-$(cat .venv/.house-extra 2>/dev/null || echo none)}
  case $extra in
    none) lock=requirements.lock ;;
    bench) lock=requirements-bench.lock ;;
    *) say "EXTRA 只能是 bench 或 none"; exit 2 ;;
  esac
}

fingerprint() { cat "$lock" uv.txt | cksum; .venv/bin/python -V 2>/dev/null || true; }

with_uv() {  # the second try trusts the certificates of this machine (a company's proxy)
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r uv.txt || return 1
  for UV_SYSTEM_CERTS in 0 1; do
    export UV_SYSTEM_CERTS
    .venv/bin/uv pip sync -q --python .venv/bin/python --require-hashes "$lock" && return 0
  done
  return 1
}

with_pip() {
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
}

need_environment() {
  choose_lock
  if [ -x .venv/bin/python ] && [ "$(cat .venv/.house-stamp 2>/dev/null)" = "$(fingerprint)" ]; then
    return 0
  fi
  need_python
  if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    step "建立 .venv（$("$python" -V)，$python）" "$python" -m venv .venv
  fi
  rm -f .venv/.house-stamp
  step "安装锁定版本的依赖（uv）" with_uv || step "安装锁定版本的依赖（pip，约需一分钟）" with_pip
  say "$extra" > .venv/.house-extra
  fingerprint > .venv/.house-stamp
}

# ----------------------------------------------------- system libraries
is_installed() {
  case $1 in
    chromium) [ -n "${CHROMIUM_PATH:-}" ] || command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
      || command -v google-chrome >/dev/null 2>&1 ;;
    # Half the work of the whole browser; where it is not to be had, the whole one does as well.
    chromium-headless-shell) [ -n "${CHROMIUM_PATH:-}" ] || command -v "$1" >/dev/null 2>&1 \
      || ! apt-cache show "$1" >/dev/null 2>&1 ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
  esac
}

need_libraries() {
  command -v dpkg-query >/dev/null 2>&1 || { say "提示：不是 Debian/Ubuntu，请自行安装 pango、思源字体和 Chromium。"; return 0; }
  wanted=$LIBRARIES
  [ "$purpose" != test ] || wanted="$LIBRARIES $TOOLS"
  # shellcheck disable=SC2086
  find_missing $wanted
  [ -n "$missing" ] || return 0
  if apt_prefix >/dev/null; then
    # shellcheck disable=SC2086
    step "安装系统组件$missing" apt_install $missing || true
    # shellcheck disable=SC2086
    find_missing $wanted
    [ -n "$missing" ] || return 0
  fi
  say "缺少系统组件。请由管理员执行："
  say "    apt-get update && apt-get install -y --no-install-recommends$missing"
  say "在此之前网页、数据库和后台任务照常可用；生成 PDF 需要 pango 和中文字体，浏览器测试需要 Chromium。"
}

find_missing() {
  missing=""
  for each in "$@"; do is_installed "$each" || missing="$missing $each"; done
}

exec 9>.setup.lock  # one set-up of a checkout at a time
if command -v flock >/dev/null 2>&1; then
  flock -n 9 || { say "同一目录的另一次安装正在进行，等待……"; flock 9; }
fi
need_environment
need_libraries
step "编译页面样式" sh deploy/assets.sh
