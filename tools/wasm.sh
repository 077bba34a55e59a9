#!/usr/bin/env bash
# Runs cargo for the browser: `tools/wasm.sh build …`. Any compiler that has the wasm32-unknown-unknown standard library will do: rustup's
# where it can be had, else Debian's `rustc-web`, whose standard library is built once from its own sources.
. "$(dirname "$0")/common.sh"

target=wasm32-unknown-unknown

debian_compiler() {
    [ -x /usr/bin/rustc ] && [ -d /usr/lib/rustlib/src ] && [ -e /usr/share/doc/rustc-web ] || apt rustc-web cargo-web rust-web-src
    has rustup || [ -x /usr/lib/rustlib/$target/bin/rust-lld ] || apt rust-web-llvm lld
    local lib; lib=$(/usr/bin/rustc --print sysroot)/lib/rustlib/$target/lib
    local stamp; stamp=$(/usr/bin/rustc -V)
    [ "$(cat "$lib/.stamp" 2>/dev/null)" = "$stamp" ] && return
    say "building the wasm standard library of $stamp (once)"
    local crate="$cache/wasm-std"
    rm -rf "$crate" && mkdir -p "$crate/src" && touch "$crate/src/lib.rs"
    printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$crate/Cargo.toml"
    # The bitcode is what link-time optimisation reads.
    (cd "$crate" && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR="$crate/target" PATH=/usr/bin:/bin \
        /usr/bin/cargo build --quiet --release -Zbuild-std=std,panic_abort,test --target $target) ||
        die "could not build the wasm standard library"
    mkdir -p "$lib" || die "run as root once: the wasm standard library goes to $lib"
    rm -f "$lib"/*.rlib "$crate/target/$target/release/deps/libempty"*
    cp "$crate/target/$target/release/deps/"lib*.rlib "$lib/"
    echo "$stamp" >"$lib/.stamp"
    # What an older standard library compiled no longer links.
    rm -rf "$crate" "${CARGO_TARGET_DIR:-$root/target}/front"
}

if [ "${1:-}" = test ]; then
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(crate_tool wasm-bindgen-cli "$(locked wasm-bindgen)" wasm-bindgen-test-runner)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER
fi
if [ "${TRACELLM_WASM_COMPILER:-}" != debian ] && has rustup; then
    rustup target list --installed 2>/dev/null | grep -qx $target || rustup --quiet target add $target 2>"$cache/rustup.log" || true
fi
if [ "${TRACELLM_WASM_COMPILER:-}" = debian ] || [ ! -e "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    has apt-get || die "install the wasm standard library: rustup target add $target"
    debian_compiler
    [ "${1:-}" != clippy ] || [ -x /usr/bin/cargo-clippy ] || apt rust-web-clippy
    if has rustup; then
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/host: //p')/bin/rust-lld
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    fi
    unset RUSTUP_TOOLCHAIN
    export PATH=/usr/bin:/bin:$PATH
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/front
exec cargo "$@"
