# Prints a Python that is new enough. Asked by the Makefile.
for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    # Some managers of versions put a command there that only tells that there is none: it has to run.
    if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if ! "$name" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$name cannot make virtual environments; on Debian and Ubuntu install its package python3-venv." >&2
            exit 1
        fi
        command -v "$name"
        exit 0
    fi
done
echo "Python 3.11 or newer is needed and was not found; install it, or name it with PYTHON=/path/to/python." >&2
exit 1
