#!/usr/bin/env bash
# Runs a command with a MongoDB beside it: `tools/mongo.sh [--keep DIR] COMMAND…`. The command finds its address in MONGO_TEST_URL, and
# the server ends with it. Without --keep so does its data.
#
# MONGO_TEST_SERVER is how a further one is started, with {data} and {port} in it, for a test that must be able to kill its own;
# MONGO_TEST_SINGLE the same for one that is no replica set.
#
# Where MONGO_TEST_URL is set, that server is used; else a `mongod` on the PATH; else a stand-in that speaks the protocol, built once.
. "$(dirname "$0")/common.sh"

keep=
if [ "${1:-}" = --keep ]; then keep=$2; shift 2; fi
[ -n "${MONGO_TEST_URL:-}" ] && exec "$@"

folder=${keep:-$(mktemp -d)}
mkdir -p "$folder/data"
folder=$(cd "$folder" && pwd)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

if has mongod; then
    start=(mongod --bind_ip 127.0.0.1 --port "$port" --dbpath "$folder/data" --setParameter ttlMonitorSleepSecs=1)
else
    has cmake || apt cmake
    server=$(crate_tool secantus-mdb $SECANTUS_VERSION secantusd-rs --ignore-rust-version)
    # A configuration of the machine's must not change a test; what has expired goes at once.
    printf '[storage]\nttl_sweep_seconds = 1\n' >"$folder/secantus.toml"
    # Every commit is synced: without that a killed stand-in forgets what it acknowledged.
    start=("$server" --config "$folder/secantus.toml" --host 127.0.0.1 --port "$port" --storage-path "$folder/data" --cache-size 256M
        --sync-on-commit)
fi
say "MongoDB for this run: $("${start[0]}" --version 2>&1 | head -1) on port $port"
"${start[@]}" >"$folder/log" 2>&1 &
server_pid=$!
finish() {
    kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null || true
    [ -n "$keep" ] || rm -rf "$folder"
}
trap finish EXIT
for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$server_pid" 2>/dev/null || { tail -5 "$folder/log" >&2; die "the MongoDB server did not start"; }
    sleep 0.1
done
# In the foreground, so that Ctrl-C reaches the command; the server ends after it.
trap '' INT
further=${start[*]}
further=${further/"$folder/data"/'{data}'}
further=${further/"--port $port"/'--port {port}'}
single=$further
[[ ${start[0]} = mongod ]] || single+=" --standalone"
(trap - INT; exec env MONGO_TEST_SINGLE="$single" MONGO_TEST_URL="mongodb://127.0.0.1:$port" MONGO_TEST_SERVER="$further" "$@")
