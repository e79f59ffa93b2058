#!/usr/bin/env bash
# Run a command beside a Postgres server of its own, on which the state tests then run too (DOCQA_TEST_POSTGRES_URL).
# The server listens on a socket in a folder that is removed with it. What is missing is installed from the system's
# packages if that is allowed here; else the command runs without, and this says what to install.
# Usage: scripts/postgres.sh COMMAND...
set -euo pipefail

find_programs() {
    local folder
    for folder in $(ls -rd /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null) ${PATH//:/ }; do
        if [[ -x $folder/initdb && -x $folder/pg_ctl ]]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

if [[ -n ${DOCQA_TEST_POSTGRES_URL:-} ]]; then
    exec "$@"
fi
find_programs >/dev/null || "$BASH" "${0%/*}/system_packages.sh" "the state tests on Postgres" postgresql || true
if ! programs=$(find_programs); then
    echo "State tests run on SQLite alone. To run them on Postgres: apt-get install postgresql" >&2
    exec "$@"
fi

# Postgres refuses to run as root.
as_user=()
folder=$(mktemp -d /tmp/docqa-postgres.XXXXXX)
if [[ $(id -u) == 0 ]]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as_user=(runuser -u "$user" --)
fi
stop() {
    (cd "$folder" && "${as_user[@]}" "$programs/pg_ctl" --pgdata "$folder/data" --mode immediate stop >/dev/null) || true
    rm -rf "$folder"
}
trap stop EXIT

(
    cd "$folder"
    "${as_user[@]}" "$programs/initdb" --pgdata data --username docqa --auth trust --encoding UTF8 --no-sync >initdb.log \
        || { cat initdb.log >&2; exit 1; }
    options="-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off"
    "${as_user[@]}" "$programs/pg_ctl" --pgdata data --log "$folder/server.log" --options "$options" --wait start >/dev/null \
        || { cat server.log >&2; exit 1; }
)
echo "State tests: $("$programs/postgres" --version)"
DOCQA_TEST_POSTGRES_URL="postgresql://docqa@/postgres?host=$folder" "$@"
