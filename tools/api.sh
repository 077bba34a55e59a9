#!/usr/bin/env bash
# Asks every route that the API describes for what its schema allows and for what it does not, on both stores, by schemathesis. No answer may
# be a failure of the server or one that is not described: `tools/api.sh [schemathesis arguments]`.
. "$(dirname "$0")/common.sh"

venv=$(python_tools api tests/api/requirements.txt)
binary=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm}
home=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$home"' EXIT
# Without arguments, the same requests each time.
[ $# -gt 0 ] || set -- --max-examples 30 --generation-deterministic

# NAME: with the environment of its call. A stream of events has no end to wait for.
ask() {
    local log="$home/$1.log" url
    "$binary" start --no-browser --port 0 --demo 2>"$log" &
    server=$!
    url=$(url_in "$log")
    say "asking $1"
    (cd "$home" && "$venv/bin/schemathesis" run "$url/api/openapi.json" --no-color --continue-on-failure \
        --phases examples,coverage,fuzzing --warnings off --exclude-path /api/live \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance "${@:2}") ||
        { grep -E 'WARN|ERROR' "$log" | tail -20 >&2; die "schemathesis found something"; }
    kill "$server" && wait "$server"
    server=
}

MONGO_URL='' TRACELLM_DATA="$home/data" ask SQLite "$@"
MONGO_URL=${MONGO_TEST_URL:?run this by tools/mongo.sh} DB_NAME="api_$$" ask MongoDB "$@"
