#!/usr/bin/env bash
# Create the virtual environment DIR with PYTHON, or with the newest python3.N there is if PYTHON is too old.
# An environment that works is kept. Usage: scripts/venv.sh PYTHON DIR
set -euo pipefail

python=$1
dir=$2

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if fits "$dir/bin/python" && "$dir/bin/python" -c 'import pip' 2>/dev/null; then
    exit 0
fi

for candidate in "$python" python3.11 python3.12 python3.13 python3.14; do
    if fits "$candidate"; then
        found=$candidate
        break
    fi
done
if [[ -z ${found:-} ]]; then
    echo "docqa needs Python 3.11 or newer, and $python is $("$python" --version 2>&1 || echo 'not there')." >&2
    echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv) and name it: make PYTHON=python3.11" >&2
    exit 1
fi

if ! "$found" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$found" -c 'import sys; print(*sys.version_info[:2], sep=".")')
    echo "$found can't create a virtual environment: its venv module is missing." >&2
    echo "Install it (on Debian and Ubuntu: apt-get install python$version-venv) and try again." >&2
    exit 1
fi

echo "Creating $dir with $("$found" --version)"
"$found" -m venv --clear "$dir"
