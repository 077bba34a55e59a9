#!/usr/bin/env bash
# What the product is made of: licences, sources and doubles of its dependencies, those that nobody uses, and where it can be had, known
# holes in them. `tools/supply.sh sbom` writes a bill of materials (CycloneDX) to target/tracellm.cdx.json instead.
. "$(dirname "$0")/common.sh"
cd "$root"

CARGO_DENY_VERSION=0.20.2
CARGO_MACHETE_VERSION=0.9.2
CARGO_CYCLONEDX_VERSION=0.5.9

if [ "${1:-}" = sbom ]; then
    cyclonedx=$(crate_tool cargo-cyclonedx "$CARGO_CYCLONEDX_VERSION" cargo-cyclonedx --locked)
    mkdir -p target
    "$cyclonedx" cyclonedx --quiet --format json --override-filename tracellm.cdx --target x86_64-unknown-linux-gnu
    find . -name 'tracellm.cdx.json' -not -path './target/*' -not -path './tracellm.cdx.json' -delete
    mv tracellm.cdx.json target/
    say "target/tracellm.cdx.json tells of $(grep -c '"bom-ref"' target/tracellm.cdx.json) parts"
    exit
fi

deny=$(crate_tool cargo-deny "$CARGO_DENY_VERSION" cargo-deny --locked --no-default-features)
"$deny" --log-level error --locked check licenses bans sources
# Known holes are told by a database elsewhere, which not every machine reaches.
if timeout 60 "$deny" --log-level error fetch db 2>/dev/null; then
    "$deny" --log-level error --locked check --disable-fetch advisories
else
    say "known holes were not looked for: their database is not reached from here"
fi
machete=$(crate_tool cargo-machete "$CARGO_MACHETE_VERSION" cargo-machete --locked)
"$machete" .
if has systemd-analyze; then
    # It looks for the program where it will be.
    wrong=$(systemd-analyze verify --man=no deploy/tracellm.service 2>&1 | grep -v '/usr/local/bin/tracellm is not executable' || true)
    [ -z "$wrong" ] || die "deploy/tracellm.service: $wrong"
fi
