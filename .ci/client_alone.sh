# The SDK and the command line must work where no server is installed.
set -eu
folder=.venv-client
rm -rf "$folder"
"$(sh .ci/find_python.sh)" -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check .
cd /
python="$OLDPWD/$folder/bin/python"
"$python" - <<'CODE'
import importlib.util
import sys

from datalinx import Datalinx

server = ("django", "rest_framework", "celery", "duckdb", "pyarrow", "pyiceberg", "sqlglot")
installed = [name for name in server if importlib.util.find_spec(name)]
sys.exit(f"The client brought the server's packages along: {installed}" if installed else 0)
CODE
"$OLDPWD/$folder/bin/datalinx" --help >/dev/null
rm -rf "$OLDPWD/$folder"
echo "client: installs and imports without the server"
