# Runs a command with pyspark and a Java, or installs them where that is allowed, or says that it did not run.
set -u
python=.venv/bin/python
if ! $python -c "import pyspark, grpc, pandas" 2>/dev/null; then
    echo "spark: installing pyspark" >&2
    $python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.txt >&2
fi
if ! command -v java >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "spark: installing Java" >&2
    # One after the other: of several at the same time all but one would fail.
    flock /var/lock/datalinx-apt sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends default-jre-headless' >/dev/null 2>&1
fi
if $python -c "import pyspark" 2>/dev/null && command -v java >/dev/null; then
    "$@"
    exit $?
fi
echo "spark: NOT RUN: pyspark or Java is not installed here and could not be had" >&2
[ -z "${CI:-}" ]
