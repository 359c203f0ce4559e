//! What brigade promises, what it does not, and which test holds it to that.
//!
//! **Job.** To be read: there is no code here. **Owns** the numbers of the promises. Each promise has a number and names its tests: `tests/wake::f`
//! is the function `f` in `tests/tests/wake.rs` of the repository; everything else is below
//! `runtime/src`. A test (`tests/catalogue`) sees to it that each of them is there, that the numbers
//! in this text are those of the source, and that no `async` method is left out. **Never** promises what
//! no test holds.
//!
//! # Fairness
//!
//! A *turn* is what an executor does between two looks at the OS and the clock.
//!
//! *Assumption.* Every poll comes back: brigade cannot interrupt one. A poll that takes a millisecond
//! makes every bound below a millisecond longer for each time it comes first.
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P1 | **A task that is ready is polled.** With one cook (and no seed) after those that were ready before it, each once; with many cooks after those before it in its queue, and while tasks wait in the queue that all share, every other one that a worker runs is from there, from its next look (P2) on | `tests/local::tasks_run_in_order`, `tests/fairness::a_yield_lets_every_ready_task_run`, `tests/fairness::a_flood_of_spawns_starves_nobody`, `tests/fairness::a_full_ring_does_not_starve_the_injector` |
//! | P2 | **Somebody looks at the OS and the clock after `LOOK_EVERY` = 64 polls at most**, after fewer where polls are long, and after one round of all that is ready if a task yielded | `tests/fairness::self_waking_tasks_do_not_starve_timers`, `tests/fairness::self_waking_tasks_do_not_starve_sockets`, `tests/fairness::a_yield_lets_the_driver_look` |
//! | P3 | **No task keeps the thread by always having something to read**: after `OPERATIONS` = 128 operations in one poll sockets, listeners and intervals say "pending", and the task goes to the end of the queue | `tests/fairness::an_always_ready_socket_starves_nobody`, `tests/fairness::an_always_due_interval_starves_nobody`, `tests/fairness::other_ready_sockets_starve_nobody` |
//! | P4 | **Two tasks that wake one another starve nobody**: after `STREAK` = 3 tasks from a worker's slot comes one from its ring | `tests/many_cooks::a_ping_pong_starves_nobody`, `tests/fairness::main_and_tasks_take_turns` |
//! | P5 | **A turn is bounded**: `FIRED_PER_TURN` = 1024 timers, `EVENTS` = 1024 events, `LOOK_EVERY` = 64 letters of other threads | `timer/mod::a_burst_is_bounded_by_turn`, `tests/fairness::self_waking_tasks_do_not_starve_anybody` |
//! | P6 | **A poll that blocks its worker holds up nobody else as long as another worker has nothing to do**: within about two watches of 5 ms each (`PERIOD`) another takes what it had woken, and its timers and sockets | `tests/blocked_worker::a_task_spawned_by_a_blocked_one_runs_elsewhere`, `tests/blocked_worker::a_task_woken_by_a_blocked_one_runs_elsewhere`, `tests/blocked_worker::a_searcher_that_blocks_in_turn_leaves_the_watch_to_another`, `tests/blocked_worker::a_watch_that_blocks_in_turn_leaves_the_driver_to_another`, `tests/blocked_worker::one_after_the_other_leaves_the_driver`, `tests/blocked_worker::timers_fire_while_a_worker_is_blocked`, `tests/blocked_worker::sockets_are_served_while_a_worker_is_blocked` |
//! | P7 | **No wake is lost**: a poll that begins after the wake follows, and sees what was written before it | `models/wake_against_poll::a_poll_follows_that_sees_what_was_written`, `models/two_wakers_one_rearming::a_poll_follows_every_wake`, `models/join_against_leaving::who_waits_elsewhere_is_told`, `tests/wake::no_wake_is_lost_in_a_storm`, `tests/letters::a_later_poll_counts_more_than_an_earlier_letter` |
//! | P8 | **No timer fires early**, and in the order of their deadlines up to a tick of about a millisecond | `tests/sleep::never_early`, `tests/sleep::in_order`, `timer/wheel/properties::agrees_with_a_tree` |
//! | P9 | **`wake` and `spawn` never block**, whatever nobody has come to yet | `tests/wake::a_wake_never_blocks`, `tests/strangers::a_wake_under_a_lock_runs_nothing` |
//!
//! # Cancellation
//!
//! To cancel is to drop a future that is not ready: by hand, in a `select`, by
//! [`timeout`](crate::time::timeout), by [`abort`](crate::task::JoinHandle::abort).
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P10 | **An operation that is given up leaves nothing behind**: no descriptor, waker, timer or byte | `tests/faults::ten_thousand_cancellations_leave_nothing`, `tests/tcp_shared::given_up_reads_leave_nothing_behind`, `tests/process::cancellation_leaves_no_descriptors` |
//! | P11 | **A task that is aborted is dropped instead of polled**, when its executor next comes to it (asked from another thread, one cook may poll it once more before it reads of it); who awaits its handle is told. What it has spawned goes on | `tests/abort::while_it_is_idle`, `tests/abort::the_joiner_is_woken`, `models/abort_against_poll::it_ends_whenever_that_is` |
//! | P12 | **Each method says what a drop loses**: below | `tests/cancel::reads_lose_no_byte`, `tests/cancel::writes_count_every_byte`, `tests/cancel::no_datagram_is_lost`, `tests/cancel::no_connection_is_lost`, `tests/interval::a_cancelled_tick_is_not_lost`, `tests/signal::a_cancelled_wait_loses_nothing`, `tests/join_set::a_cancelled_join_loses_nothing`, `tests/join::a_cancelled_join_loses_nothing` |
//!
//! | methods | a drop before it is ready |
//! |---|---|
//! | `read`, `recv`, `recv_from`, `read_with` | loses nothing: no byte or datagram was taken |
//! | `peek`, `peek_from`, `readable`, `writable`, `consume_budget` | loses nothing |
//! | `write`, `send`, `send_to`, `write_with` | nothing was written or sent |
//! | `write_all` | **may leave a part written**, and does not say how much |
//! | `read_exact` | **loses what it has read** |
//! | `accept` | loses no connection |
//! | `connect`, `bind` | gives the socket up |
//! | `lookup_host` | its answer is thrown away; a thread of the pool may be busy with it a while longer |
//! | `tick`, `join_next`, `join_next_with_id`, `Signal::recv` | loses no tick, no result, no signal |
//! | `join_all` | ends the set: its tasks are aborted |
//! | `JoinSet::shutdown` | its tasks end all the same |
//! | `ctrl_c`, `terminate`, `signal::shutdown` | stops listening; the signal's default action does not come back |
//! | `sleep`, `timeout` | disarms the timer; `timeout` drops its future too |
//! | a [`JoinHandle`](crate::task::JoinHandle) | detaches the task; awaited by reference, loses nothing |
//!
//! # Panics
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P13 | **A panic in a poll ends the task and reaches its handle**, as [`JoinError`](crate::task::JoinError), and nobody else | `tests/join::a_panic_reaches_its_handle_and_nobody_else`, `tests/join::a_panicking_future_is_dropped`, `tests/blocking::a_panic_reaches_the_handle` |
//! | P14 | **A panic in the drop of a future reaches the handle as well**; in the drop of an output that nobody wants, nobody | `tests/join::a_panic_in_the_drop_of_a_future_reaches_its_handle`, `tests/join::a_panic_in_the_drop_of_an_output_harms_nobody`, `tests/join::a_payload_may_panic_in_its_drop`, `tests/abort::a_task_that_panics_in_drop` |
//! | P15 | **A stranger's waker may panic when it is cloned, woken or dropped**: on whoever called, if that is its own poll; otherwise it ends there, and others are woken nevertheless | `tests/strangers::a_waker_may_panic_on_wake`, `tests/strangers::a_waker_may_panic_on_clone_or_drop_elsewhere`, `task/waker::a_panic_of_a_waker_is_stopped` |
//! | P16 | **A panic of the main future leaves `block_on`**, and the executor can be used again | `tests/nesting::a_panicking_main_future_leaves_the_executor_usable` |
//!
//! With `panic = "abort"` there is nothing to catch, and the first one ends the process.
//!
//! # Drop: when, in which order, on which thread
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P17 | **A future is dropped exactly once, as soon as it is done, aborted or its executor is dropped**, before anybody can see that it is finished. With one cook on the executor's own thread, with many on one of its workers | `tests/local::a_future_is_dropped_on_its_own_thread`, `tests/join::is_finished_means_that_the_future_is_gone`, `tests/shutdown::futures_are_dropped_exactly_once` |
//! | P18 | **The drop of an executor drops every task**, in no promised order, and waits for polls that are under way unless it is itself called from a worker. A destructor may wake, spawn (the task is aborted), and drop handles. Then queued jobs of the blocking pool are cancelled and whoever waits for a socket or timer elsewhere is told. A job that is running ends by itself (P26) | `tests/shutdown::drop_may_do_anything_at_shutdown`, `tests/shutdown::a_spawn_in_drop_at_shutdown_is_aborted`, `tests/many_cooks::the_drop_waits_for_running_polls`, `tests/many_cooks::an_executor_may_end_in_its_own_task`, `tests/blocking::the_drop_of_an_executor_aborts_queued_jobs`, `tests/tcp_faults::whoever_waits_when_the_executor_goes_is_told`, `tests/shutdown::nothing_outlives_the_executor` |
//!
//! An *output* is dropped by whoever has it: with the handle that was never awaited, or, where the
//! handle was dropped before, by the executor.
//!
//! # fork
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P19 | **`fork` and `exec`, as `std::process::Command` does it, is safe**: all descriptors are closed in the new program | `tests/faults::no_descriptor_survives_exec` |
//!
//! A child of `fork` *without* `exec` must not touch an executor that it inherited, nor drop one: the
//! threads are not there, and the event queue is shared with the parent. Build another one after the
//! fork. brigade does not look for it.
//!
//! # Wakers and handles
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P20 | **A waker may be cloned, woken and dropped on any thread at any time**, also when its executor is gone, also in a destructor of a thread-local | `tests/wake::wakers_outlive_their_executor`, `tests/wake::thousands_of_wakers_are_dropped_elsewhere`, `tests/faults::thread_locals_may_do_anything_as_they_go` |
//! | P21 | **A wake runs no code of a user**: it polls nothing and drops nothing | `tests/strangers::a_wake_under_a_lock_runs_nothing`, `queue/letter_box::a_wake_carries_out_only_wakes` |
//! | P22 | **What the OS refuses is an error, not a panic**, and costs nothing: no descriptors, no threads | `tests/faults::every_maker_of_descriptors_can_be_refused`, `tests/faults::a_crew_that_cannot_be_hired`, `tests/process::accept_survives_the_want_of_descriptors`, `tests/blocking::a_job_is_not_lost_for_want_of_threads` |
//!
//! # The blocking pool
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P23 | **Every closure given to `spawn_blocking` runs once or is cancelled**, also if threads cannot be started: then it runs in a thread that is there, or, if there is none, in the executor | `blocking/tests::a_lane_settles_every_job_once_in_every_order_of_its_steps`, `tests/blocking::no_job_is_lost_when_two_submitters_fail_to_start_a_thread`, `tests/blocking::a_job_given_to_a_thread_whose_time_runs_out_is_run` |
//! | P24 | **A name lookup never waits behind closures of `spawn_blocking`**: it has threads of its own, `LOOKUP_THREADS` = 64 at most | `tests/lookup::a_lookup_never_waits_behind_blocking_jobs` |
//! | P25 | **The pool shrinks**: a thread that was not needed for its keep-alive time ends, and all idle ones end with their executor | `tests/blocking::the_pool_shrinks_under_a_trickle_of_jobs`, `tests/blocking::all_idle_threads_go_with_their_executor` |
//! | P26 | **A closure that is running is not interrupted, and nobody waits for it**, neither the drop of its executor nor the end of `main`. `shutdown_timeout` waits, up to its timeout, and cancels the closures that have not begun | `tests/shutdown::a_running_job_outlives_its_executor`, `tests/process::the_end_of_main_takes_a_running_job_along`, `tests/shutdown::shutdown_timeout_waits_for_running_jobs`, `tests/shutdown::shutdown_timeout_cancels_queued_jobs`, `tests/shutdown::shutdown_timeout_gives_up_at_its_end`, `tests/shutdown::shutdown_timeout_gives_up_on_a_poll_that_blocks` |
//! | P27 | **A closure that outlives its executor gets an answer from everything it calls**: an error, an aborted handle, or a result | `tests/blocking::a_job_that_outlives_its_executor_gets_an_answer_from_everything` |
//! | P28 | **A closure may block on its own executor**, by `Handle::block_on`, or on one that it builds. On a thread that runs an executor each of these panics, and names the function that was called | `tests/nesting::a_blocking_job_may_block_on_its_own_executor`, `tests/nesting::block_on_inside_spawn_blocking_works`, `tests/nesting::nested_calls_name_what_was_called` |
//! | P29 | **A guard of `Handle::enter` may be dropped in any order, on a late thread-local, or never**: of those that are left the one entered last counts | `tests/handle::guards_may_be_dropped_in_any_order`, `tests/handle::guards_and_stays_may_overlap`, `tests/handle::a_forgotten_guard_does_no_harm`, `tests/handle::a_guard_in_a_thread_local_may_go_late` |
//!
//! # What may surprise
//!
//! | # | promise | tests |
//! |---|---|---|
//! | P30 | **A detached task that no waker can reach any more stays** until its executor is dropped, or it is aborted | `tests/shutdown::a_task_that_nothing_can_wake_is_kept_until_shutdown` |
//! | P31 | **A `Signal` receives what is raised while it exists**, and nothing from before | `tests/process::a_signal_from_before_is_not_heard` |
//! | P32 | **A task that is aborted during its last poll gives its output**: a poll is not interrupted | `tests/nesting::an_abort_during_the_last_poll_yields_the_output` |
//! | P33 | **A future that panics is dropped after the panic is caught**: in its destructor `std::thread::panicking()` is false; in those of its local variables it is true | `tests/nesting::a_panicking_future_is_dropped_after_unwinding` |
//!
//! # Not promised
//!
//! - A latency. The bounds above count polls, and polls are as long as you make them.
//! - The order of tasks with many cooks, or between threads that spawn; with a seed, any order but
//!   always the same one.
//! - That a task is polled only when it was woken: polls for no reason may happen, and must do no harm.
//! - On which worker a task runs, and that two of its polls run on the same one.
//! - What is in the sockets' buffers when an executor is dropped: close what matters before.
//! - That a lookup or another job of the pool that has begun can be stopped.
//! - Memory given back at once: queues and tables keep some of what a crowd needed.
