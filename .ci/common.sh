# What the lanes share. To be sourced.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never
# Nobody steps through what a lane builds; without the rest of it linking takes half the time.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only

# The exit status with which a lane says that it cannot run here.
readonly CANNOT_RUN=77

# The toolchain for what only a nightly one has.
nightly=${BRIGADE_NIGHTLY:-nightly}

# Ends the lane: it is counted as skipped, with the reason.
cannot_run() {
    echo "SKIPPED: $*"
    exit "$CANNOT_RUN"
}

# Sees to it that a toolchain is there, with these components.
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

# The build folder of a lane whose flags are its own, so that the next ordinary build need not begin
# anew.
own_target() {
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$1"
}

# The tests in which the event loop takes part, with what stands in RUSTFLAGS. Arguments choose among all tests
# of the programs.
test_event_loop() {
    local test=(cargo test -p brigade -p brigade-tests --features brigade/hyper --locked --no-fail-fast)
    local behaviour=(fairness:: full_queues:: http:: process:: readiness:: remote:: shutdown::
        shutdown_races:: shutdown_timeout:: sleep:: sleep_elsewhere:: strangers:: tcp:: tcp_faults::
        tcp_shared:: turns:: udp:: unix:: wake::) failed=0
    [ $# -eq 0 ] || behaviour=("$@")
    "${test[@]}" --lib -- --skip timeline:: --skip timer::wheel "$@" || failed=1
    "${test[@]}" --test ecosystem --test executors --test net --test tasks --test time -- "${behaviour[@]}" || failed=1
    return "$failed"
}
