#!/usr/bin/env bash
# Runs Playwright over the built binary: `tools/browser.sh test …`. Chromium is the system's, else Debian's, else Playwright's own.
. "$(dirname "$0")/common.sh"

modules=$(node_tools end2end)
ln -sfn "$modules" "$root/end2end/node_modules"
TRACELLM_CHROMIUM=$(browser_path "$modules")
export TRACELLM_CHROMIUM TRACELLM_BINARY=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm}
cd "$root/end2end"
"$modules/.bin/tsc" --noEmit
exec "$modules/.bin/playwright" "$@"
