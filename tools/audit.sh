#!/usr/bin/env bash
# Lighthouse (desktop, the median of 3) over list, trace and overview of a server with 20,000 traces: `tools/audit.sh`.
. "$(dirname "$0")/common.sh"

modules=$(node_tools tools/audit)
browser=$(browser_path)
binary=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm}
home=$(mktemp -d)
trap '[ -z "${server:-}" ] || kill "$server"; rm -rf "$home"' EXIT
export TRACELLM_DATA="$home/data" MONGO_URL=
"$binary" demo --count 20000 --seed 7 2>"$home/log"
(cd "$home" && exec "$binary" start --no-browser --port 0) 2>>"$home/log" &
server=$!
url=$(url_in "$home/log")
trace=$(python3 -c 'import json, sys, urllib.request as http; row = json.load(http.urlopen(sys.argv[1] + "/api/traces?limit=1&status=failed"))["items"][0]; print("/traces/%s?project_id=%s" % (row["trace_id"], row["project_id"]))' "$url")
cp "$root/tools/audit/audit.mjs" "$home/"
ln -s "$modules" "$home/node_modules"
TRACELLM_CHROMIUM=$browser node "$home/audit.mjs" "$url" /traces "$trace" /
