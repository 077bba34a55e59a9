#!/usr/bin/env bash
# Looks for bytes that break a decoder: `tools/fuzz.sh [SECONDS] [TARGET…]`, 60 seconds of every target where not said. What breaks one
# stands in fuzz/artifacts; what leads to new code joins fuzz/corpus once `tools/fuzz.sh shrink` has left out what adds nothing.
. "$(dirname "$0")/common.sh"

CARGO_FUZZ_VERSION=0.13.2
cargo_fuzz=$(crate_tool cargo-fuzz "$CARGO_FUZZ_VERSION" cargo-fuzz)
has g++ || apt g++

# With a nightly compiler addresses are checked too.
options=(--features libfuzzer --target-dir "$root/fuzz/target")
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then export RUSTUP_TOOLCHAIN=nightly; else options+=(--sanitizer none); fi

cd "$root"
first=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(json_ingest otlp_json otlp_protobuf query search cursor masking)
for target in "${targets[@]}"; do
    case $target in
        json_ingest) seeds=crates/trace/fixtures ;;
        otlp_json) seeds=crates/trace/fixtures/otlp ;;
        otlp_protobuf) seeds=tests/otel/captured ;;
        *) seeds="" ;;
    esac
    found=fuzz/found/$target
    mkdir -p "$found" "fuzz/corpus/$target"
    if [ "$first" = shrink ]; then
        "$cargo_fuzz" run "${options[@]}" "$target" "fuzz/corpus/$target" "$found" -- -set_cover_merge=1 -max_len=600
    else
        say "$target for $first s"
        # shellcheck disable=SC2086 # none, or one folder
        "$cargo_fuzz" run "${options[@]}" "$target" "$found" "fuzz/corpus/$target" $seeds -- \
            -max_total_time="$first" -timeout=10 -rss_limit_mb=3000 -max_len=20000 -print_final_stats=1
    fi
done
