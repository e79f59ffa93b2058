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

mapfile -t missing < <(missing_packages)
if ((${#missing[@]})); then
    "$BASH" "${0%/*}/system_packages.sh" "the browser tests" "${missing[@]}" || true
    mapfile -t missing < <(missing_packages)
fi
if ((${#missing[@]})); then
    echo "Browser tests can't run here. To run them: apt-get install ${missing[*]}" >&2
else
    echo "Browser tests: $(find_browser)"
fi
