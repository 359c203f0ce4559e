# The runtime's unit tests and the behavioural tests under a sanitizer, with std rebuilt for it. To be
# sourced by a lane; `sanitize NAME [ARGUMENTS OF THE TESTS]`.
# shellcheck shell=bash

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# Everything is slow here, and a panic's backtrace, of which the tests have many, takes seconds.
export BRIGADE_PATIENCE=20 RUST_BACKTRACE=0

sanitize() {
    local sanitizer=$1 target=x86_64-unknown-linux-gnu
    shift
    need_toolchain "$nightly" rust-src
    [ "$(rustc -vV | sed -n 's/^host: //p')" = "$target" ] || cannot_run "made for $target only"
    own_target "$sanitizer"
    local tests=() program
    for program in tests/tests/*.rs tests/tests/*/main.rs; do
        program=${program%/main.rs}
        program=$(basename "$program" .rs)
        # The repository's texts are the same under each.
        [ "$program" = repository ] || tests+=(--test "$program")
    done
    # A sanitizer's own thread is never idle. It makes frames larger, which the tests of big futures measure. And the
    # messages of the attributes are the compiler's, which is asked for them apart.
    local skip=(--skip idle:: --skip big_futures:: --skip macros::)
    # tokio's event loop runs beside ours there. It takes the address of what is ready from the OS, and
    # ThreadSanitizer sees nothing that orders that after the write.
    [ "$sanitizer" != thread ] || skip+=(--skip compat:: --skip behind_async_compat)
    # Memory of tasks is not used again, so that a use after free is seen.
    export RUSTFLAGS="-Zsanitizer=$sanitizer --cfg brigade_unrecycled ${RUSTFLAGS:-}"
    local test=(cargo "+$nightly" test -Zbuild-std --target "$target" --locked --no-fail-fast
        -p brigade -p brigade-tests --features brigade/hyper) failed=0
    # The wheel and what reads a timeline have neither threads nor unsafe, and many tests.
    "${test[@]}" --lib --test miri -- --skip timeline:: --skip timer::wheel "$@" || failed=1
    "${test[@]}" "${tests[@]}" -- "${skip[@]}" "$@" || failed=1
    return "$failed"
}
