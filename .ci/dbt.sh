# Runs a command with dbt in an environment of its own, for its packages would push ours aside; installs it first.
set -eu
if [ ! -e .venv-dbt/.installed ] || [ requirements-dbt.txt -nt .venv-dbt/.installed ]; then
    echo "dbt: installing into .venv-dbt" >&2
    test -x .venv-dbt/bin/python || .venv/bin/python -m venv .venv-dbt
    # All that it needs is in the list; pip takes `package[extra]`, which dbt asks for, for another that is not.
    .venv-dbt/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dbt.txt
    touch .venv-dbt/.installed
fi
DATALINX_TEST_DBT="$PWD/.venv-dbt/bin/dbt" exec "$@"
