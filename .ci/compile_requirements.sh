# Pins what pyproject.toml asks for, with hashes and without a word on where the packages were found.
set -eu
compile() {
    file=$1 words=$2
    shift 2
    .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-options \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@" --output-file "$file.new" "${from:-pyproject.toml}"
    {
        echo "# The $words packages, pinned with their hashes. Made from ${from:-pyproject.toml} by \`make requirements\`; do not edit."
        cat "$file.new"
    } >"$file"
    rm "$file.new"
}
compile requirements.txt server\'s --extra server
compile requirements-spark.txt Spark\'s --extra server --extra spark --constraint requirements.txt
compile requirements-dev.txt developers\' --extra server --extra dev --constraint requirements.txt
from=requirements-dbt.in
compile requirements-dbt.txt "dbt tests'"
