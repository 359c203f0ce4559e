# Runs the runtime's unit tests and the behavioural tests under a sanitizer. std is rebuilt for the sanitizer.
# A lane sources this file and calls `sanitize NAME [TEST ARGUMENTS]`.
# shellcheck shell=bash

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# Allow more time, because a sanitizer slows everything down. Print no backtraces, because each takes seconds
# and many tests panic on purpose.
export BRIGADE_PATIENCE=20 RUST_BACKTRACE=0

sanitize() {
    local sanitizer=$1 target=x86_64-unknown-linux-gnu
    shift
    need_toolchain "$nightly" rust-src
    [ "$(rustc -vV | sed -n 's/^host: //p')" = "$target" ] || cannot_run "works only on $target"
    own_target "$sanitizer"
    local tests=() program
    for program in tests/tests/*.rs tests/tests/*/main.rs tests/ecosystem/main.rs; do
        program=${program%/main.rs}
        program=$(basename "$program" .rs)
        # Skip the tests of the repository's texts, because a sanitizer cannot affect them.
        [ "$program" = repository ] || tests+=(--test "$program")
    done
    # Skip the tests of idle processes, because a sanitizer's own thread is never idle. Skip the tests of big
    # futures, because a sanitizer makes stack frames larger. Skip the tests of the macros' error messages,
    # because another lane runs them.
    local skip=(--skip idle:: --skip big_futures:: --skip macros::)
    # The tests of async-compat also run tokio's event loop, which passes pointers to another thread through
    # epoll. ThreadSanitizer does not recognise this synchronisation, and reports a race.
    [ "$sanitizer" != thread ] || skip+=(--skip compat:: --skip behind_async_compat)
    # Do not reuse the memory of tasks, so that the sanitizer detects a use after free.
    export RUSTFLAGS="-Zsanitizer=$sanitizer --cfg brigade_unrecycled ${RUSTFLAGS:-}"
    local test=(cargo "+$nightly" test -Zbuild-std --target "$target" --locked --no-fail-fast
        -p brigade -p brigade-tests -p brigade-ecosystem --features brigade/hyper) failed=0
    # Skip the many tests of the timer wheel and of timelines, because that code has no threads and no unsafe
    # code.
    "${test[@]}" --lib --test miri -- --skip timeline:: --skip timer::wheel "$@" || failed=1
    "${test[@]}" "${tests[@]}" -- "${skip[@]}" "$@" || failed=1
    return "$failed"
}
