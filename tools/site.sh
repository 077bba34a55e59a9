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

bindgen=$(crate_tool wasm-bindgen-cli "$(locked wasm-bindgen)" wasm-bindgen)
modules=$(node_tools tools)
say "building the dashboard for the browser"
"$root/tools/wasm.sh" build --quiet -p tracellm --lib --no-default-features --features hydrate --target $target --profile $profile

# The slow steps are skipped where nothing changed that they read.
stamp=$(cat "$front/$target/$folder/tracellm.wasm" style/*.css public/* tools/site.sh tools/package-lock.json Cargo.lock | sha256sum | cut -c1-16)
[ "$(cat target/site.stamp 2>/dev/null)" = "$stamp$optimise" ] && [ -d target/site ] && exit 0

mkdir -p target # cargo may build elsewhere
made=$(mktemp -d "$root/target/site.XXXXXX")
trap 'rm -rf "$made"' EXIT
"$bindgen" --target web --no-typescript --out-dir "$made/pkg" --out-name tracellm "$front/$target/$folder/tracellm.wasm"
if [ -n "$optimise" ]; then
    say "shrinking it"
    # Only what every current browser knows; --all-features emits what Chromium refuses.
    "$modules/binaryen/bin/wasm-opt" -Oz --enable-bulk-memory --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
        --enable-mutable-globals --enable-multivalue "$made/pkg/tracellm_bg.wasm" -o "$made/pkg/small.wasm"
    mv "$made/pkg/small.wasm" "$made/pkg/tracellm_bg.wasm"
    "$modules/.bin/esbuild" "$made/pkg/tracellm.js" --minify --format=esm --log-level=error --allow-overwrite --outfile="$made/pkg/tracellm.js"
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
du -b target/site/pkg-*/tracellm_bg.wasm.br | awk '{ printf "the browser loads %d kB of wasm\n", $1 / 1000 }' >&2
