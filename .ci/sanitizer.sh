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
    local tests=() file
    for file in tests/tests/*.rs; do
        case $(basename "$file" .rs) in
            # A sanitizer's own thread is never idle; and the source is the same under each.
            idle | house | prose) ;;
            # tokio's event loop runs beside ours here. It takes the address of what is ready from the
            # OS, and ThreadSanitizer sees nothing that orders that after the write.
            compat) [ "$sanitizer" = thread ] || tests+=(--test compat) ;;
            *) tests+=(--test "$(basename "$file" .rs)") ;;
        esac
    done
    local skip=()
    [ "$sanitizer" != thread ] || skip=(--skip behind_async_compat)
    # The wheel and what reads a timeline have neither threads nor unsafe, and many tests.
    RUSTFLAGS="-Zsanitizer=$sanitizer --cfg brigade_unrecycled ${RUSTFLAGS:-}" cargo "+$nightly" test -Zbuild-std \
        --target "$target" --locked --no-fail-fast -p brigade -p brigade-tests \
        --features brigade/hyper --lib --test miri "${tests[@]}" -- \
        --skip timeline:: --skip timer::wheel "${skip[@]}" "$@"
}
