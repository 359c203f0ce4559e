//! The promises of brigade, and the tests that check them. The last section lists what brigade does not
//! promise.
//!
//! Each promise has a number and names its tests. The name `tests/wake::f` means the function `f` in
//! `tests/tests/*/wake.rs` of the repository. Every other path is below `runtime/src`.
//!
//! # Fairness
//!
//! A *turn* is the work of an executor between two polls of the driver. A poll of the driver (the event
//! loop) asks the OS for events and reads the clock.
//!
//! *Assumption.* Every poll of a task returns. brigade cannot interrupt a poll. If a poll takes one
//! millisecond, each task behind it waits one millisecond longer.
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P1 | **A task that is ready is polled.** `SingleThread` (without a seed) polls woken and spawned tasks in the order in which they became ready. A task that wakes itself during its poll is queued behind all tasks that are ready at that moment. At most `OVERTAKES` = 16 tasks that become ready later are polled before it. While other tasks are ready too, one poll in 17 goes to a task that woke itself. On `WorkStealing`, each worker has queues of its own. The worker polls the task at the head of each of these queues after at most 16 polls. A busy worker takes a task from the shared queue after at most `LOOK_EVERY` = 64 polls. Then, until the shared queue is empty, every second poll of the worker goes to a task from that queue | `tests/local::tasks_run_in_order`, `tests/turns::a_yield_lets_every_ready_task_run`, `tests/fairness::a_flood_of_spawns_starves_nobody`, `tests/turns::a_full_ring_does_not_starve_the_injector`, `tests/turns::what_the_driver_woke_does_not_wait_for_self_waking_tasks`, `tests/turns::what_the_driver_woke_does_not_wait_for_a_round_of_self_waking_tasks`, `tests/turns::tasks_that_wake_one_another_do_not_starve_those_that_yield`, `tests/remote::a_spawn_is_not_kept_waiting_by_wakes` |
//! | P2 | **The driver is polled after at most `LOOK_EVERY` = 64 polls of tasks**. It is polled earlier if these polls take long. If a task yields, the driver is polled as soon as every task that is ready at that moment has been polled | `tests/fairness::self_waking_tasks_do_not_starve_timers`, `tests/fairness::self_waking_tasks_do_not_starve_sockets`, `tests/turns::a_yield_lets_the_driver_look` |
//! | P3 | **A task that is always ready does not keep its thread.** A poll has a budget of `OPERATIONS` = 128 operations. Each of the following spends one operation. For sockets: an operation on a ready socket, a read or write of 0 bytes, an accepted connection, a lookup, an attempt to connect. For timers: a tick of an interval, the end of a sleep. For tasks: the output of a `JoinHandle`, a member that a `JoinSet` checks, a call of `consume_budget`. When the budget is used up, pseudo-random coin tosses decide whether the poll gets a new budget or the next operation is denied. The first new budget needs one toss of heads, the second needs two in a row, and so on. So the poll soon ends. Since the tosses are random, it is not always the same future that is denied, so each future that a task awaits gets its turn. An operation that is denied returns `Pending`, and its task is queued behind the other ready tasks | `tests/fairness::an_always_ready_socket_starves_nobody`, `tests/fairness::an_always_due_interval_starves_nobody`, `tests/fairness::other_ready_sockets_starve_nobody`, `tests/fairness::past_deadlines_starve_nobody`, `tests/fairness::consume_budget_starves_nobody`, `tests/set_waiters::joining_what_is_always_ready_lets_others_run`, `tests/interval::an_endless_burst_starves_nobody`, `tests/budget::select_of_two_that_are_always_ready_ends_its_poll`, `tests/budget::select_of_many_that_are_always_ready_ends_its_poll`, `tests/budget::timers_that_have_fired_spend_the_budget`, `tests/budget::what_needs_no_waiting_spends_the_budget`, `tests/budget::a_timeout_ends_beside_a_future_that_uses_up_the_budget`, `tests/budget::siblings_of_one_that_uses_up_the_budget_get_their_turn` |
//! | P4 | **Two tasks that wake one another starve no other task**. A worker's LIFO slot holds the task that the worker woke or spawned last. After `STREAK` = 3 tasks in a row from this slot, the worker takes a task from its queues | `tests/many_cooks::a_ping_pong_starves_nobody`, `tests/turns::main_and_tasks_take_turns` |
//! | P5 | **The work in a turn is bounded**. An executor processes at most `FIRED_PER_TURN` = 1024 timers of each worker, `EVENTS` = 1024 events, and `LOOK_EVERY` = 64 messages from other threads | `timer/tests::a_burst_is_bounded_by_turn`, `tests/fairness::self_waking_tasks_do_not_starve_anybody` |
//! | P6 | **A poll that blocks its worker delays no other task for long, if another worker is idle**. The idle worker takes over the blocked worker's timers and sockets, and the tasks that the blocked worker had woken. An idle worker checks for blocked workers every 5 ms (`PERIOD`), so this takes at most 10 ms. The same holds if a worker calls a waker from outside brigade, and this waker blocks | `tests/blocked_worker::a_task_spawned_by_a_blocked_one_runs_elsewhere`, `tests/blocked_worker::a_task_woken_by_a_blocked_one_runs_elsewhere`, `tests/blocked_worker::a_searcher_that_blocks_in_turn_leaves_the_watch_to_another`, `tests/blocked_worker::a_watch_that_blocks_in_turn_leaves_the_driver_to_another`, `tests/blocked_worker::a_change_of_monitors_does_not_begin_the_watch_anew`, `tests/blocked_worker::a_foreign_waker_that_blocks_delays_no_timer`, `tests/blocked_worker::one_after_the_other_leaves_the_driver`, `tests/blocked_worker::timers_fire_while_a_worker_is_blocked`, `tests/blocked_worker::sockets_are_served_while_a_worker_is_blocked` |
//! | P7 | **No wake is lost**. The task is polled again after the wake, and that poll sees all data written before the wake. A thread that awaits a `JoinHandle` is also woken, even if `block_on` of the task's executor ends at that moment | `loom_tests/wake_against_poll::a_poll_follows_that_sees_what_was_written`, `loom_tests/two_wakers_one_rearming::a_poll_follows_every_wake`, `loom_tests/join_against_block_on_end::a_thread_that_joins_is_woken_though_block_on_ends`, `tests/wake::no_wake_is_lost_in_a_storm`, `tests/remote::the_last_poll_of_a_handle_counts_wherever_the_first_was` |
//! | P8 | **No timer fires early**. The timers that one worker has armed fire in the order of their deadlines, with a precision of one tick (about a millisecond). If the deadline of a sleep is past at its first poll, that poll returns `Ready`. The exception is a `sleep` or `timeout` of a second or more, which becomes ready at the next poll of the driver | `tests/sleep::never_early`, `tests/sleep::in_order`, `timer/wheel/properties::agrees_with_a_tree`, `tests/sleep::a_past_deadline_is_ready_at_the_first_poll` |
//! | P9 | **`wake` and `spawn` never block**, even if the queues are long | `tests/wake::a_wake_never_blocks`, `tests/strangers::a_wake_under_a_lock_runs_nothing` |
//!
//! # Cancellation
//!
//! A future is cancelled if it is dropped before it is ready: directly, in a `select`, by
//! [`timeout`](crate::time::timeout) or by [`abort`](crate::task::JoinHandle::abort).
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P10 | **A cancelled operation leaves nothing behind**: no descriptor, waker, timer or byte. A poll function has no destructor, so the waker that it registers stays until the next event of its direction (reading or writing) | `tests/faults::ten_thousand_cancellations_leave_nothing`, `tests/tcp_shared::given_up_reads_leave_nothing_behind`, `tests/process::cancellation_leaves_no_descriptors`, `blocking/tests::a_dropped_lookup_leaves_the_queue` |
//! | P11 | **An aborted task is dropped instead of polled** when its turn comes. The task that awaits its handle is then woken. (On `SingleThread`, an abort from another thread is a message. The executor may poll the task once more before reading this message.) Tasks spawned by the aborted task continue | `tests/abort::while_it_is_idle`, `tests/abort::the_joiner_is_woken`, `loom_tests/abort_against_poll::it_ends_whenever_that_is` |
//! | P12 | **The table below shows what a cancelled method loses** | `tests/cancel::reads_lose_no_byte`, `tests/cancel::writes_count_every_byte`, `tests/cancel::no_datagram_is_lost`, `tests/cancel::no_connection_is_lost`, `tests/interval::a_cancelled_tick_is_not_lost`, `tests/signal::a_cancelled_wait_loses_nothing`, `tests/set_waiters::a_cancelled_join_loses_nothing`, `tests/join::a_cancelled_join_loses_nothing`, `tests/own_calls::async_io_calls_once_for_each_event` |
//!
//! | methods | effect of a drop before completion |
//! |---|---|
//! | `read`, `recv`, `recv_from`, `read_with` | loses nothing: no byte or datagram is taken |
//! | `peek`, `peek_from`, `readable`, `writable`, `consume_budget` | loses nothing |
//! | `write`, `send`, `send_to`, `write_with` | writes and sends nothing |
//! | `async_io` | does not undo earlier calls of the closure |
//! | `write_all` | **may write a part of the data**, and does not report how much |
//! | `read_exact` | **loses the bytes that it has read** |
//! | `accept` | loses no connection |
//! | `connect`, `connect_from`, `bind` | closes the socket |
//! | `lookup_host` | discards the answer; a thread of the pool may continue the lookup for a while |
//! | `tick`, `join_next`, `join_next_with_id`, `Signal::recv` | loses no tick, no result, no signal |
//! | `join_all` | drops the set, which aborts its tasks |
//! | `JoinSet::shutdown` | still aborts the tasks |
//! | `ctrl_c`, `terminate`, `signal::shutdown` | stops listening, but does not restore the signal's default action |
//! | `sleep`, `timeout` | disarms the timer; `timeout` drops its future too |
//! | a [`JoinHandle`](crate::task::JoinHandle) | detaches the task. Dropping a future that awaits `&mut handle` loses nothing |
//!
//! # Panics
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P13 | **A panic in a poll ends the task, and its handle returns the panic**, as [`JoinError`](crate::task::JoinError). The panic affects no other task | `tests/join::a_panic_reaches_its_handle_and_nobody_else`, `tests/join::a_panicking_future_is_dropped`, `tests/blocking::a_panic_reaches_the_handle` |
//! | P14 | **The handle also returns a panic of the future's destructor**. If no handle takes the output, a panic of the output's destructor is discarded | `tests/join::a_panic_in_the_drop_of_a_future_reaches_its_handle`, `tests/join::a_panic_in_the_drop_of_an_output_harms_nobody`, `tests/join::a_payload_may_panic_in_its_drop`, `tests/abort::a_task_that_panics_in_drop` |
//! | P15 | **A waker from outside brigade may panic when it is cloned, woken or dropped.** If a waker panics in the poll to which it was passed, the panic may reach the caller of that poll. Otherwise the panic is caught, and the other wakers are still called | `tests/strangers::a_waker_may_panic_on_wake`, `tests/strangers::a_waker_may_panic_on_clone_or_drop_elsewhere`, `tests/readiness::a_poll_contains_the_panic_of_the_waker_it_replaces`, `task/waker::a_panic_of_a_waker_is_contained` |
//! | P16 | **A panic of the main future leaves `block_on`**, and the executor can be used again | `tests/nesting::a_panicking_main_future_leaves_the_executor_usable` |
//!
//! With `panic = "abort"` nothing can be caught: the first panic ends the process.
//!
//! # Drop: when, in which order, on which thread
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P17 | **A future is dropped exactly once**: when it is ready, when its task is aborted, or when its executor is dropped. This happens before `is_finished` returns true. `SingleThread` drops it on the executor's own thread. `WorkStealing` drops it on one of the workers or, at shutdown, on the thread that drops the executor. If a closing executor refuses a future, the spawning thread drops it | `tests/local::a_future_is_dropped_on_its_own_thread`, `tests/join::is_finished_means_that_the_future_is_gone`, `tests/shutdown::futures_are_dropped_exactly_once` |
//! | P18 | **The drop of an executor drops every task**, in no promised order. The drop first waits for polls in progress, unless it runs on a worker. A task's destructor may wake tasks, spawn tasks (which are aborted), and drop handles. (`spawn_local` works only in the destructors of tasks that the executor had accepted.) Then queued jobs of the blocking pool are cancelled. Tasks of other executors that wait for a socket or timer of this executor are woken, and the socket returns an error. A running job is not interrupted (promise P26) | `tests/shutdown::drop_may_do_anything_at_shutdown`, `tests/shutdown::a_spawn_in_drop_at_shutdown_is_aborted`, `tests/many_cooks::the_drop_waits_for_running_polls`, `tests/many_cooks::an_executor_may_end_in_its_own_task`, `tests/blocking::the_drop_of_an_executor_aborts_queued_jobs`, `tests/tcp_faults::whoever_waits_when_the_executor_goes_is_told`, `tests/shutdown::nothing_outlives_the_executor` |
//!
//! If a task ends before its handle is dropped, and the handle has not returned the *output*, the output is
//! dropped with the handle. If the handle is dropped before the task ends, the executor drops the output.
//!
//! # fork
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P19 | **`fork` followed by `exec`, as in `std::process::Command`, is safe**: brigade's descriptors are closed in the new program. A signal that the child gets before `exec` is not reported in the parent | `tests/faults::no_descriptor_survives_exec`, `tests/signal::a_signal_of_a_forked_child_is_not_reported` |
//!
//! A child of `fork` *without* `exec` must not touch or drop an executor that it inherited. The executor's
//! threads do not exist in the child, and on Linux, the child shares its parent's epoll instance. Build
//! another executor after the fork. brigade does not check this rule.
//!
//! # Wakers and handles
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P20 | **A waker may be cloned, woken and dropped on any thread at any time**. Its executor may be gone by then. The thread may be running destructors of thread-locals | `tests/wake::wakers_outlive_their_executor`, `tests/wake::thousands_of_wakers_are_dropped_elsewhere`, `tests/faults::thread_locals_may_do_anything_as_they_go` |
//! | P21 | **A wake runs no code of the user**: it polls nothing and drops nothing | `tests/strangers::a_wake_under_a_lock_runs_nothing`, `loom_tests/send_against_closing::each_operation_is_run_or_dropped_once` |
//! | P22 | **If the OS refuses a descriptor or a thread, brigade returns an error and does not panic**. It leaks no descriptor and no thread | `tests/faults::every_maker_of_descriptors_can_be_refused`, `tests/faults::a_crew_that_cannot_be_hired`, `tests/process::accept_survives_the_want_of_descriptors`, `tests/pool_threads::a_job_is_not_lost_for_want_of_threads` |
//!
//! # The blocking pool
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P23 | **Every closure given to `spawn_blocking` runs once or is cancelled**. If no thread can be started, the closure runs on an existing thread of the pool. If the pool has no thread, the closure runs in the executor | `blocking/tests::a_lane_settles_every_job_once_in_every_order_of_its_steps`, `tests/pool_threads::no_job_is_lost_when_two_submitters_fail_to_start_a_thread`, `tests/pool_threads::a_job_given_to_a_thread_whose_time_runs_out_is_run` |
//! | P24 | **A name lookup never waits behind closures of `spawn_blocking`**: lookups have threads of their own, at most `LOOKUP_THREADS` = 64 | `tests/lookup::a_lookup_never_waits_behind_blocking_jobs` |
//! | P25 | **The pool shrinks**: a thread ends when it has been idle for its keep-alive time. All idle threads end with their executor | `tests/pool_threads::the_pool_shrinks_under_a_trickle_of_jobs`, `tests/pool_threads::all_idle_threads_go_with_their_executor` |
//! | P26 | **A running closure is not interrupted**. Neither the drop of its executor nor the end of `main` waits for the closure. `shutdown_timeout` waits for running closures until its timeout, and cancels the closures that have not begun | `tests/shutdown_timeout::a_running_job_outlives_its_executor`, `tests/process::the_end_of_main_takes_a_running_job_along`, `tests/shutdown_timeout::shutdown_timeout_waits_for_running_jobs`, `tests/shutdown_timeout::shutdown_timeout_cancels_queued_jobs`, `tests/shutdown_timeout::shutdown_timeout_gives_up_at_its_end`, `tests/shutdown_timeout::shutdown_timeout_gives_up_on_a_poll_that_blocks` |
//! | P27 | **A closure that outlives its executor gets an answer from each function of brigade that it calls**: an error, an aborted handle, or a result | `tests/blocking::a_job_that_outlives_its_executor_gets_an_answer_from_everything` |
//! | P28 | **A closure may block on its own executor** with `Handle::block_on`, or on an executor that it builds. On a thread that runs an executor, such a call panics, and the message names the called function | `tests/nesting::a_blocking_job_may_block_on_its_own_executor`, `tests/nesting::block_on_inside_spawn_blocking_works`, `tests/nesting::nested_calls_name_what_was_called` |
//! | P29 | **Guards of `Handle::enter` may be dropped in any order, in the destructor of a thread-local, or never**. Of the remaining guards, the one that was entered last determines the current executor | `tests/guard::guards_may_be_dropped_in_any_order`, `tests/guard::guards_and_stays_may_overlap`, `tests/guard::a_forgotten_guard_does_no_harm`, `tests/guard::a_guard_in_a_thread_local_may_go_late` |
//!
//! # What may surprise
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P30 | **A detached task that can no longer be woken stays in memory** until it is aborted or its executor is dropped | `tests/shutdown::a_task_that_nothing_can_wake_is_kept_until_shutdown` |
//! | P31 | **A `Signal` receives only signals that are raised while it exists** | `tests/process::a_signal_from_before_is_not_heard` |
//! | P32 | **A task that is aborted during its last poll returns its output**, because a poll is not interrupted | `tests/nesting::an_abort_during_the_last_poll_yields_the_output` |
//! | P33 | **The future of a task that panics is dropped after the panic is caught**. So `std::thread::panicking()` returns false in the future's destructor. It returns true in the destructors of the poll's local variables. For a main future it returns true in both kinds of destructors, because the panic leaves `block_on` | `tests/nesting::a_panicking_future_is_dropped_after_unwinding` |
//! | P34 | **Virtual time stands still while a job of the blocking pool is queued or running.** A job that waits in `Handle::block_on` does not stop the clock, unless it waits in an executor of another crate inside this call. A job that builds an executor and waits in that executor's `block_on` stops the clock. Time may advance to the deadline of a timer that a foreign thread polls, or that a job polls outside of `Handle::block_on`. Some operations are retried, because the OS reports no event for them. The delay before such a retry is in real time | `tests/virtual_time::it_stands_still_while_a_job_runs`, `tests/virtual_time::what_a_job_waited_for_does_not_move_the_clock_later`, `tests/virtual_time::operations_that_wait_for_a_job_end`, `tests/virtual_time::a_job_may_wait_for_the_clock`, `tests/virtual_time::a_job_may_wait_for_a_task_that_sleeps`, `tests/virtual_time::a_job_may_wait_in_another_executor`, `tests/virtual_time::a_thread_outside_moves_a_held_clock`, `tests/virtual_time::what_is_due_fires_while_a_job_runs`, `tests/virtual_time::a_job_that_computes_in_block_on_stops_the_clock` |
//! | P35 | **`in_flight_max` of [`Metrics`](crate::Metrics) is exact on `SingleThread`, and the maximum of many samples on `WorkStealing`**, where each worker counts only its own tasks | `tests/metrics::in_flight_counts_tasks`, `tests/metrics::at_once_is_bounded` |
//! | P36 | **An event gives each future that waits for it one try**. The order of the futures changes from event to event. All poll functions for reading share one readiness flag. All poll functions for writing share another flag. `readable` and `writable` followed by a `try_` method use the same flags. A call that would block clears its flag. Then all functions that use this flag wait for the next event. Calls of `peek`, `read_with`, `poll_read_with` and `async_io` for reading leave the flag set, because such a call may fail although there is data. Only the failed call itself then waits for the next event | `tests/full_queues::a_sender_does_not_starve_behind_another`, `tests/full_queues::a_reader_does_not_starve_behind_a_failing_call`, `tests/peek::a_call_that_fails_does_not_hide_the_event_from_another` |
//!
//! # Not promised
//!
//! - A latency. The promised bounds count polls, and your code determines how long a poll takes.
//! - The order of tasks on `WorkStealing`, or of spawns from several threads. With a seed, the order on
//!   `SingleThread` is arbitrary but repeatable.
//! - That a task is polled only after a wake. Your futures must tolerate spurious polls.
//! - The worker on which a task runs. Two polls of a task may run on different workers.
//! - That data in socket buffers is sent when an executor is dropped. Close important sockets first.
//! - That a lookup or another job of the pool can be stopped once it has begun.
//! - That memory is freed immediately. Queues and tables keep some of their capacity after a burst.
