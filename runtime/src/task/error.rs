//! The error of a task that returned no value, because it panicked or was aborted.
//!
//! The error is only one pointer wide, because the cell of every task has space for it.

use std::any::Any;
use std::fmt;

use super::id::Id;

/// The error of a task that ended without a value.
///
/// ```
/// # let executor = brigade::SingleThread::new().unwrap();
/// # executor.block_on(async {
/// let broken = brigade::spawn(async { panic!("burnt") });
/// let error = broken.await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "burnt");
/// # });
/// ```
pub struct JoinError {
    reason: Box<Reason>,
}

struct Reason {
    id: Id,
    /// `None` means "aborted".
    payload: Option<Payload>,
}

type Payload = std::sync::Mutex<Box<dyn Any + Send + 'static>>;

impl JoinError {
    pub(super) fn aborted(id: Id) -> Self {
        let reason = Reason { id, payload: None };
        JoinError {
            reason: Box::new(reason),
        }
    }

    pub(super) fn panic(id: Id, payload: Box<dyn Any + Send>) -> Self {
        // The mutex makes the error `Sync`, although a panic's payload is not `Sync`. So error types that
        // must be `Sync` can contain a `JoinError`.
        let payload = Some(Payload::new(payload));
        JoinError {
            reason: Box::new(Reason { id, payload }),
        }
    }

    /// Returns the id of the task, which is also the id of its handle.
    ///
    /// ```
    /// # brigade::run(async {
    /// let burnt = brigade::spawn(async { panic!("burnt") });
    /// let id = burnt.id();
    /// assert_eq!(burnt.await.unwrap_err().id(), id);
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.reason.id
    }

    /// Returns whether the task panicked, in a poll or in a destructor.
    ///
    /// ```
    /// # brigade::run(async {
    /// let burnt = brigade::spawn(async { panic!("burnt") });
    /// assert!(burnt.await.unwrap_err().is_panic());
    /// # });
    /// ```
    pub fn is_panic(&self) -> bool {
        self.reason.payload.is_some()
    }

    /// Returns whether the task was aborted: through a handle, or because its executor was dropped.
    ///
    /// ```
    /// # brigade::run(async {
    /// let idle = brigade::spawn(std::future::pending::<()>());
    /// idle.abort();
    /// assert!(idle.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    pub fn is_aborted(&self) -> bool {
        self.reason.payload.is_none()
    }

    /// Returns the payload of the panic. The awaiting task can continue the panic:
    ///
    /// ```
    /// let caught = std::panic::catch_unwind(|| {
    ///     brigade::run(async {
    ///         let dish = brigade::spawn(async { panic!("burnt") });
    ///         match dish.await {
    ///             Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
    ///             other => other,
    ///         }
    ///     })
    /// });
    /// assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "burnt");
    /// ```
    ///
    /// # Panics
    /// Panics if the task did not panic: call [`is_panic`](Self::is_panic) first, or use
    /// [`try_into_panic`](Self::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(_) => panic!("JoinError::into_panic: the task was aborted, it did not panic"),
        }
    }

    /// Returns the payload of the panic, or the error itself if the task did not panic.
    ///
    /// ```
    /// # brigade::run(async {
    /// let idle = brigade::spawn(std::future::pending::<()>());
    /// idle.abort();
    /// let error = idle.await.unwrap_err().try_into_panic().unwrap_err();
    /// assert_eq!(error.to_string(), "the task was aborted");
    /// # });
    /// ```
    ///
    /// # Errors
    /// Returns the error itself, if the task was aborted.
    pub fn try_into_panic(mut self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.reason.payload.take() {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(|e| e.into_inner())),
            None => Err(self),
        }
    }

    /// Returns the message of the panic, if there was one.
    fn panic_text(&self) -> Option<String> {
        let payload = self.reason.payload.as_ref()?;
        let payload = payload.lock().unwrap_or_else(|e| e.into_inner());
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Some(text.unwrap_or_else(|| "a payload that is not text".into()))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panic_text() {
            Some(text) => f.debug_tuple("JoinError::Panic").field(&text).finish(),
            None => f.write_str("JoinError::Aborted"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panic_text() {
            Some(text) => write!(f, "the task panicked: {text}"),
            None => f.write_str("the task was aborted"),
        }
    }
}

impl std::error::Error for JoinError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aborted_task_has_no_panic_payload() {
        let error = JoinError::aborted(Id::from_number(7));
        assert!(error.is_aborted() && !error.is_panic());
        assert_eq!(error.id(), Id::from_number(7));
        assert_eq!(error.to_string(), "the task was aborted");
        assert_eq!(format!("{error:?}"), "JoinError::Aborted");
        assert!(error.try_into_panic().unwrap_err().is_aborted());
    }

    #[test]
    fn a_panic_error_shows_its_message_and_keeps_its_payload() {
        let payloads: [(Box<dyn Any + Send>, &str); 3] = [
            (Box::new("burnt"), "burnt"),
            (Box::new(String::from("boiled over")), "boiled over"),
            (Box::new(7_u8), "a payload that is not text"),
        ];
        for (payload, text) in payloads {
            let kind = (*payload).type_id();
            let error = JoinError::panic(Id::from_number(7), payload);
            assert_eq!(error.id(), Id::from_number(7));
            assert!(error.is_panic() && !error.is_aborted());
            assert_eq!(error.to_string(), format!("the task panicked: {text}"));
            assert_eq!(format!("{error:?}"), format!("JoinError::Panic({text:?})"));
            assert_eq!((*error.into_panic()).type_id(), kind);
        }
    }
}
