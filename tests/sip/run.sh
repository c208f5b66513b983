#!/bin/sh
# Real telephone calls over SIP: installs what is missing (Debian or Ubuntu, as root) and runs tests/sip/run.py.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! command -v sipp >/dev/null || ! command -v kamailio >/dev/null \
    || ! ls /usr/lib/*/kamailio/modules/http_client.so >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install the packages sip-tester, kamailio and kamailio-utils-modules first" >&2
        exit 1
    fi
    apt-get update -q
    apt-get install -q -y --no-install-recommends sip-tester kamailio kamailio-extra-modules kamailio-utils-modules
fi
cd "$root"
exec .venv/bin/python -m tests.sip.run "$@"
