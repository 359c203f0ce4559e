//! Tests single transitions. `task/join/properties.rs` tests them in all orders.

use super::*;

#[test]
fn a_wake_of_a_done_or_queued_task_changes_nothing() {
    for word in 0..1 << 5 {
        let now = Snapshot(word);
        let (next, answer) = now.wake();
        if now.has(DONE | QUEUED) {
            assert!(next == now && answer == Wake::Nothing);
        } else {
            assert!(next == now.with(QUEUED));
            assert_eq!(answer == Wake::Submit, !now.has(RUNNING));
        }
    }
}

#[test]
fn both_writers_carry_out_the_same_transitions() {
    for writer in [Writer::Owner, Writer::Shared] {
        let state = State::new(Snapshot::SPAWNED);
        assert_eq!(state.apply(writer, Snapshot::start), Start::Poll);
        assert_eq!(state.apply(writer, Snapshot::wake), Wake::Again);
        assert_eq!(state.apply(writer, Snapshot::pend), Pend::Requeue);
        assert_eq!(state.apply(writer, Snapshot::abort), Wake::Nothing);
        assert_eq!(state.apply(writer, Snapshot::start), Start::Cancel);
        assert!(!state.apply(writer, Snapshot::seize));
        assert_eq!(state.apply(writer, Snapshot::wake), Wake::Again);
        state.finish();
        assert!(state.load().is_done() && !state.load().is_queued());
        assert_eq!(state.apply(writer, Snapshot::abort), Wake::Nothing);
    }
}
