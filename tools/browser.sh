#!/usr/bin/env bash
# Runs Playwright over the built binary: `tools/browser.sh test …`. Chromium is the system's, else Debian's, else Playwright's own.
. "$(dirname "$0")/common.sh"

modules=$(node_tools end2end)
ln -sfn "$modules" "$root/end2end/node_modules"
for name in chromium chromium-browser google-chrome; do
    if has $name; then TRACELLM_CHROMIUM=${TRACELLM_CHROMIUM:-$(command -v $name)}; fi
done
if [ -z "${TRACELLM_CHROMIUM:-}" ]; then
    if has apt-get; then
        apt chromium
        TRACELLM_CHROMIUM=$(command -v chromium)
    else
        "$modules/.bin/playwright" install chromium >&2 || die "install Chromium, or name one in TRACELLM_CHROMIUM"
    fi
fi
export TRACELLM_CHROMIUM TRACELLM_BINARY=${TRACELLM_BINARY:-${CARGO_TARGET_DIR:-$root/target}/release/tracellm}
cd "$root/end2end"
"$modules/.bin/tsc" --noEmit
exec "$modules/.bin/playwright" "$@"
