#!/usr/bin/env bash
# Install packages of the system if that is allowed here; fails where it is not.
# Usage: scripts/system_packages.sh PURPOSE PACKAGE...
set -euo pipefail

purpose=$1
shift
root=()
command -v apt-get >/dev/null || exit 1
if [[ $(id -u) != 0 ]]; then
    root=(sudo -n)
    "${root[@]}" true 2>/dev/null || exit 1
fi
echo "Installing for $purpose: $*"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" >/dev/null
