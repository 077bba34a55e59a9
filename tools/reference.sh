#!/usr/bin/env bash
# Compares this product with the reference package of PyPI, installed beside it: `tools/reference.sh [unittest arguments]`.
. "$(dirname "$0")/common.sh"

venv=$(python_tools reference tests/reference/requirements.txt)
export TRACELLM_BINARY=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm} PYTHONDONTWRITEBYTECODE=1
cd "$root/tests/reference"
exec "$venv/bin/python" -W error::ResourceWarning -m unittest "${@:-discover}"
