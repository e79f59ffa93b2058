#!/usr/bin/env bash
# See to it that the browser tests can run: they need a Chromium, and playwright's driver, which needs libatomic.
# What is missing is installed from the system's packages if that is allowed here; else this says what to install.
# Usage: scripts/browser.sh BIN, the folder in which playwright is installed.
set -euo pipefail

bin=$1

find_browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 1
}

missing_packages() {
    find_browser >/dev/null || echo chromium
    "$bin/playwright" --version >/dev/null 2>&1 || echo libatomic1
}

install() {
    local root=()
    command -v apt-get >/dev/null || return 1
    if [[ $(id -u) != 0 ]]; then
        root=(sudo -n)
        "${root[@]}" true 2>/dev/null || return 1
    fi
    echo "Installing for the browser tests: $*"
    "${root[@]}" apt-get update -qq || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" >/dev/null || return 1
}

mapfile -t missing < <(missing_packages)
if ((${#missing[@]})); then
    install "${missing[@]}" || true
    mapfile -t missing < <(missing_packages)
fi
if ((${#missing[@]})); then
    echo "Browser tests can't run here. To run them: apt-get install ${missing[*]}" >&2
else
    echo "Browser tests: $(find_browser)"
fi
