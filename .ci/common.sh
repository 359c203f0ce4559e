# Functions and settings for the scripts of the lanes. A lane is a check that `.ci/run` runs.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never
# Without full debug information, linking takes half the time. No debugger is used on these builds.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only

# The exit status of a lane that cannot run on this machine.
readonly CANNOT_RUN=77

# The nightly toolchain, for features that stable Rust lacks.
nightly=${BRIGADE_NIGHTLY:-nightly}

# Ends the lane, and prints the arguments as the reason. `.ci/run` then reports the lane as skipped.
cannot_run() {
    echo "SKIPPED: $*"
    exit "$CANNOT_RUN"
}

# Installs a toolchain with these components if it is not installed yet.
need_toolchain() {
    local toolchain=$1 components=("${@:2}") have
    command -v rustup >/dev/null || cannot_run "needs rustup, for the toolchain $toolchain"
    have=$(rustup component list --installed --toolchain "$toolchain" 2>/dev/null || true)
    local missing=() component
    for component in "${components[@]}"; do
        grep -q "^$component" <<<"$have" || missing+=("--component" "$component")
    done
    if [ -z "$have" ] || [ ${#missing[@]} -gt 0 ]; then
        rustup toolchain install "$toolchain" --profile minimal --no-self-update "${missing[@]}" ||
            cannot_run "the toolchain $toolchain with ${components[*]:-nothing more} could not be installed"
    fi
}

# Gives the lane its own build folder. Otherwise a lane with other compiler flags would make the next ordinary
# build start from scratch.
own_target() {
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$1"
}

# Runs the tests that use the event loop, with the current RUSTFLAGS. Arguments, if any, name other tests to
# run instead.
test_event_loop() {
    local test=(cargo test -p brigade -p brigade-tests -p brigade-ecosystem --features brigade/hyper --locked --no-fail-fast)
    local behaviour=(fairness:: full_queues:: http:: process:: readiness:: remote:: shutdown::
        shutdown_races:: shutdown_timeout:: sleep:: sleep_elsewhere:: strangers:: tcp:: tcp_faults::
        tcp_shared:: turns:: udp:: unix:: wake::) failed=0
    [ $# -eq 0 ] || behaviour=("$@")
    "${test[@]}" --lib -- --skip timeline:: --skip timer::wheel "$@" || failed=1
    "${test[@]}" --test ecosystem --test executors --test net --test tasks --test time -- "${behaviour[@]}" || failed=1
    return "$failed"
}
