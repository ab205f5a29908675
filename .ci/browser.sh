# Runs a command with the browser that is here, or installs one where that is allowed, or says that it did not run.
set -u
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: installing chromium" >&2
    # One after the other: of several at the same time all but one would fail.
    flock /var/lock/datalinx-apt sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends chromium' >/dev/null 2>&1
fi
if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then
    "$@"
    exit $?
fi
echo "browser: NOT RUN: no Chromium is installed here and none could be had" >&2
[ -z "${CI:-}" ]
