#!/usr/bin/env bash
# Makes target/site: the dashboard for the browser, shrunk, compressed, in a folder that is named by its content.
#   tools/site.sh        optimised
#   tools/site.sh dev    quick to build, large
. "$(dirname "$0")/common.sh"
cd "$root"

profile=wasm-release optimise=1
[ "${1:-}" = dev ] && profile=dev optimise=
target=wasm32-unknown-unknown
front=${CARGO_TARGET_DIR:-$root/target}/front
folder=$([ $profile = dev ] && echo debug || echo $profile)

split=$(crate_tool wasm_split_cli_support $WASM_SPLIT_VERSION wasm-split-cli --locked --features build-binary)
bindgen=$(crate_tool wasm-bindgen-cli "$(locked wasm-bindgen)" wasm-bindgen)
modules=$(node_tools tools)
say "building the dashboard for the browser"
# What is to be split needs to know where it refers to what.
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--cfg=erase_components -Clink-args=--emit-relocs" "$root/tools/wasm.sh" build --quiet -p tracellm --lib --no-default-features --features hydrate --target $target --profile $profile

# The slow steps are skipped where nothing changed that they read.
stamp=$(cat "$front/$target/$folder/tracellm.wasm" style/*.css public/* tools/site.sh tools/common.sh tools/package-lock.json Cargo.lock | sha256sum | cut -c1-16)
[ "$(cat target/site.stamp 2>/dev/null)" = "$stamp$optimise" ] && [ -d target/site ] && exit 0

mkdir -p target # cargo may build elsewhere
made=$(mktemp -d "$root/target/site.XXXXXX")
trap 'rm -rf "$made"' EXIT
# Each page is a module of its own beside the main one.
"$split" "$front/$target/$folder/tracellm.wasm" "$made/pkg" --out-name tracellm
"$bindgen" --target web --no-typescript --keep-lld-exports --no-demangle --out-dir "$made/pkg" --out-name tracellm "$made/pkg/tracellm.wasm"
rm "$made/pkg/tracellm.wasm"
if [ -n "$optimise" ]; then
    say "shrinking it"
    for module in "$made"/pkg/*.wasm; do
        # Only what every current browser knows; --all-features emits what Chromium refuses.
        "$modules/binaryen/bin/wasm-opt" -Oz --enable-bulk-memory --enable-nontrapping-float-to-int --enable-reference-types \
            --enable-sign-ext --enable-mutable-globals --enable-multivalue "$module" -o "$made/small.wasm" 2> >(grep -v "unknown name subsection" >&2)
        mv "$made/small.wasm" "$module"
    done
    for script in "$made"/pkg/*.js; do
        "$modules/.bin/esbuild" "$script" --minify --format=esm --log-level=error --allow-overwrite --outfile="$script"
    done
fi
"$modules/.bin/esbuild" style/main.css --bundle --minify --log-level=error --outfile="$made/pkg/tracellm.css"
cp public/* "$made/"
hash=$(cat "$made"/pkg/* | sha256sum | cut -c1-12)
mv "$made/pkg" "$made/pkg-$hash"
node "$root/tools/compress.mjs" "$made"
rm -rf target/site
mv "$made" target/site
trap - EXIT
chmod 755 target/site
echo "$stamp$optimise" >target/site.stamp
du -b target/site/pkg-*/*.wasm.br | awk '{ total += $1 } /tracellm_bg/ { first = $1 } END { printf "the list loads %d kB of wasm, all pages %d kB\n", first / 1000, total / 1000 }' >&2
