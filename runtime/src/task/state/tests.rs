//! Single arrows. All orders of them stand in `properties.rs`.

use super::*;

#[test]
fn a_wake_of_a_complete_or_queued_task_changes_nothing() {
    for word in 0..=u8::MAX {
        let now = Snapshot(word);
        let (next, answer) = now.wake();
        if now.has(COMPLETE | QUEUED) {
            assert!(next == now && answer == Wake::Nothing);
        } else {
            assert!(next == now.with(QUEUED));
            assert_eq!(answer == Wake::Submit, !now.has(RUNNING));
        }
    }
}

#[test]
fn both_writers_carry_out_the_same_arrow() {
    for writer in [Writer::Sole, Writer::OneOfMany] {
        let state = State::new(Snapshot::SPAWNED);
        assert_eq!(state.apply(writer, Snapshot::start), Start::Poll);
        assert_eq!(state.apply(writer, Snapshot::wake), Wake::Again);
        assert_eq!(state.apply(writer, Snapshot::pend), Pend::Requeue);
        assert_eq!(state.apply(writer, Snapshot::abort), Wake::Nothing);
        assert_eq!(state.apply(writer, Snapshot::start), Start::Cancel);
        assert_eq!(
            state.apply(writer, Snapshot::complete),
            Complete::LeaveToHandle
        );
        assert!(state.load().is_complete() && state.load().is_retired());
        assert!(state.apply(writer, Snapshot::take));
        assert!(!state.apply(writer, Snapshot::take));
        assert_eq!(state.apply(writer, Snapshot::detach), Detach::Release);
    }
}

#[test]
fn a_task_is_spent_when_executor_and_output_are_gone() {
    for word in 0..=u8::MAX {
        let task = Snapshot(word);
        assert_eq!(task.is_spent(), task.has(RETIRED) && task.has(TAKEN));
    }
}
