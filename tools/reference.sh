#!/usr/bin/env bash
# Compares this product with the reference package of PyPI, installed beside it: `tools/reference.sh [unittest arguments]`.
. "$(dirname "$0")/common.sh"

wanted="$root/tests/reference/requirements.txt"
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv="$cache/reference-$python-$(sha256sum "$wanted" | cut -c1-16)"
if [ ! -e "$venv/.done" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || { has apt-get && apt python3-venv; } || die "install Python's venv module"
    say "installing the reference package (once)"
    rm -rf "$venv" && python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2 ||
        die "could not install the reference package"
    touch "$venv/.done"
fi
export TRACELLM_BINARY=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm} PYTHONDONTWRITEBYTECODE=1
cd "$root/tests/reference"
exec "$venv/bin/python" -W error::ResourceWarning -m unittest "${@:-discover}"
