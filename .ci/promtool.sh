# Runs a command with Prometheus and promtool in its PATH: those of this machine, or Debian's package, laid out beside us.
set -eu
place="$PWD/.venv-servers/prometheus"
if ! command -v promtool >/dev/null && [ ! -x "$place/usr/bin/promtool" ] && command -v apt-get >/dev/null; then
    mkdir -p "$place"
    # Nothing of it is installed: it is two programs. Where it is not to be had the tests are skipped, and say so.
    (
        cd "$place"
        apt-get -q download prometheus >/dev/null 2>&1 ||
            flock /var/lock/datalinx-apt sh -c 'apt-get -q update && apt-get -q download prometheus' >/dev/null 2>&1
        dpkg-deb -x prometheus_*.deb .
        rm -f prometheus_*.deb
    ) || echo "promtool: NOT RUN, there is none and none could be had" >&2
fi
PATH="$PATH:$place/usr/bin" exec "$@"
