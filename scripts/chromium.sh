#!/usr/bin/env bash
# See to it that there is a Chromium for the browser tests: take the one that is there, else install it from the
# system's packages if that is allowed here. Without one the browser tests are skipped, and this says so.
set -euo pipefail

find_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    return 1
}

install_chromium() {
    local root=()
    command -v apt-get >/dev/null || return 1
    if [[ $(id -u) != 0 ]]; then
        root=(sudo -n)
        "${root[@]}" true 2>/dev/null || return 1
    fi
    echo "Installing Chromium for the browser tests"
    "${root[@]}" apt-get update -qq || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=120 chromium >/dev/null || return 1
}

if ! browser=$(find_browser); then
    install_chromium || true
    browser=$(find_browser) || true
fi
if [[ -n $browser ]]; then
    echo "Browser tests: $browser"
else
    echo "Browser tests: skipped, there is no Chromium. To run them: apt-get install chromium" >&2
fi
