#!/usr/bin/env bash
# Runs one fuzz target with stable Rust: `./run.sh TARGET SECONDS`. EXTRA may name a folder of samples, which is only read.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?which target}
seconds=${2:-600}

# The flags that cargo-fuzz gives; RUSTC_BOOTSTRAP lets a stable compiler take them, for this workspace alone.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build ${JOBS:+-j"$JOBS"} --release --target "$host" --bin "$target"

mkdir -p "found/$target" "artifacts/$target" "corpus/$target"
exec "${CARGO_TARGET_DIR:-target}/$host/release/$target" "found/$target" "corpus/$target" ${EXTRA:+"$EXTRA"} \
  -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" -timeout=1 -max_len=65600 -rss_limit_mb=2048 \
  -use_value_profile=1 -print_final_stats=1
