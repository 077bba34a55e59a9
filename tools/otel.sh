#!/usr/bin/env bash
# Runs real OpenTelemetry clients, of PyPI and npm, against a stub model server and the built binary: `tools/otel.sh [unittest arguments]`.
. "$(dirname "$0")/common.sh"

venv=$(python_tools otel tests/otel/requirements.txt)
OTEL_NODE=$(node_tools tests/otel/node)
OTEL_NODE=$(dirname "$OTEL_NODE")
export OTEL_NODE TRACELLM_BINARY=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm} PYTHONDONTWRITEBYTECODE=1
# Modules are found beside the script that asks for them.
cp "$root"/tests/otel/node/*.mjs "$OTEL_NODE/"
cd "$root/tests/otel"
exec "$venv/bin/python" -m unittest "${@:-discover}"
