//! Tests what a subscriber of `tracing` receives about tasks and polls.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, ThreadId};

use brigade::{Executor, SingleThread, WorkStealing};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info, instrument::WithSubscriber};

/// A subscriber that records each event, preceded by the spans that are open on the event's thread.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    /// The name and fields of each span, by id.
    spans: Vec<String>,
    entered: HashMap<ThreadId, Vec<usize>>,
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn place(span: &Id) -> usize {
    span.into_u64() as usize - 1
}

impl Told {
    fn open_here(&mut self) -> &mut Vec<usize> {
        self.entered.entry(thread::current().id()).or_default()
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("brigade") || metadata.target() == module_path!()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut told = self.0.lock().unwrap();
        let mut text = span.metadata().name().to_owned();
        span.record(&mut Fields(&mut text));
        told.spans.push(text);
        Id::from_u64(told.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap().spans[place(span)]));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut told = self.0.lock().unwrap();
        let open = told.open_here().clone();
        let mut line: Vec<_> = open.iter().map(|&at| told.spans[at].clone()).collect();
        let mut said = String::new();
        event.record(&mut Fields(&mut said));
        line.push(said.trim().to_owned());
        told.lines.push(line.join(" > "));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().open_here().push(place(span));
    }

    fn exit(&self, span: &Id) {
        let last = self.0.lock().unwrap().open_here().pop();
        assert_eq!(last, Some(place(span)));
    }
}

/// Returns the subscriber of the whole process. All tests share it, because the threads of an executor
/// have no subscriber of their own.
fn notes() -> Notes {
    static NOTES: OnceLock<Notes> = OnceLock::new();
    let notes = NOTES.get_or_init(|| {
        let notes = Notes::default();
        tracing::subscriber::set_global_default(notes.clone()).unwrap();
        notes
    });
    notes.clone()
}

/// Returns the only line that ends with `said`.
fn line(notes: &Notes, said: &str) -> String {
    let told = notes.0.lock().unwrap();
    let mut lines = told.lines.iter().filter(|line| line.ends_with(said));
    let line = lines.next().expect("a line in the log");
    assert_eq!(lines.next(), None, "once");
    line.clone()
}

fn what_a_task_logs_is_its_own(executor: &impl Executor, soup: &'static str) {
    let notes = notes();
    executor.block_on(async {
        let task = brigade::task::Builder::new().name(soup).spawn(async move {
            info!("{soup}: stir");
            brigade::yield_now().await;
            info!("{soup}: taste");
        });
        task.await.unwrap();
        let job = brigade::spawn_blocking(move || info!("{soup}: wash up"));
        job.await.unwrap();
        info!("{soup}: serve");
    });
    let stirred = line(&notes, &format!("{soup}: stir"));
    let spawned = format!("runtime.spawn kind=\"task\" task.name=\"{soup}\" task.id=");
    assert!(stirred.starts_with(&spawned), "{stirred}");
    assert!(stirred.contains(" > runtime.poll nth=1 > "), "{stirred}");
    let tasted = line(&notes, &format!("{soup}: taste"));
    assert_eq!(
        tasted,
        stirred.replace("nth=1", "nth=2").replace("stir", "taste")
    );
    let washed = line(&notes, &format!("{soup}: wash up"));
    let job = "runtime.spawn kind=\"blocking\" task.id=";
    assert!(washed.starts_with(job), "{washed}");
    let served = line(&notes, &format!("{soup}: serve"));
    let main = "runtime.spawn kind=\"block_on\" task.id=";
    assert!(served.starts_with(main), "{served}");
    assert!(served.contains(" > runtime.poll nth="), "{served}");
}

#[test]
fn with_one_cook() {
    what_a_task_logs_is_its_own(&SingleThread::new().unwrap(), "soup of one");
}

#[test]
fn with_many_cooks() {
    what_a_task_logs_is_its_own(&WorkStealing::with_workers(2).unwrap(), "soup of many");
}

/// A future that is not `Send` has a span too.
#[test]
fn a_local_task_has_a_span() {
    let notes = notes();
    SingleThread::new().unwrap().block_on(async {
        let here = std::rc::Rc::new("local soup: ready");
        let task = brigade::spawn_local(async move { info!("{here}") });
        task.await.unwrap();
    });
    let line = line(&notes, "local soup: ready");
    assert!(line.starts_with("runtime.spawn kind=\"local\""), "{line}");
}

/// If a subscriber is attached to a future, it stays in effect after the future is spawned.
#[test]
fn subscribers_of_futures_go_with_them() {
    // Install the process-wide subscriber before any span is made, because `tracing` caches whether a
    // subscriber wants a span.
    notes();
    let mine = Notes::default();
    SingleThread::new().unwrap().block_on(async {
        let task = async { info!("mine") }.with_subscriber(mine.clone());
        brigade::spawn(task).await.unwrap();
    });
    assert_eq!(line(&mine, "mine"), "message=mine");
}
