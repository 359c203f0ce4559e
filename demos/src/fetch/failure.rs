//! The failures of one request, by kind.
//!
//! There are only a few kinds. For each kind, the user must do something different, such as correct the name
//! or start the server. The details of a failure describe the exact error.

use std::{error::Error as StdError, io, net::SocketAddr};

use futures_rustls::rustls;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The host's name has no address.
    Dns,
    /// Nothing listens at the address.
    Refused,
    /// The connection was broken off.
    Reset,
    /// The time allowed for the request ran out.
    Timeout,
    /// The encrypted connection could not be made or trusted.
    Tls,
    /// The reply is not HTTP, or not the reply that was asked for.
    Protocol,
    /// The reply ended before it was whole.
    Truncated,
    /// The headers or the body are larger than allowed.
    TooLarge,
    /// The server answered with a status of 400 or more (only with `--fail`).
    Status,
    /// The body could not be written to its file.
    Output,
    /// Any other error of the operating system.
    Io,
    /// The task itself panicked: a bug in this program.
    Panic,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::Status => "status",
            Self::Output => "output",
            Self::Io => "io",
            Self::Panic => "panic",
        }
    }

    /// Returns whether the same request may succeed a moment later.
    ///
    /// After a bad certificate, a malformed reply or an oversized reply, a second request would fail in the
    /// same way, and cost another transfer.
    pub(crate) const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Refused | Self::Reset | Self::Timeout | Self::Truncated
        )
    }
}

/// One failure of one request, displayed as its kind, a colon and the details.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {details}", kind.name())]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) details: String,
    /// True if the server did not even accept the connection.
    pub(crate) unaccepted: bool,
}

/// The details of a connection that ended in the middle of a reply.
pub(crate) const CUT_SHORT: &str = "the connection ended before the reply did";

impl Failure {
    pub(crate) fn new(kind: Kind, details: impl Into<String>) -> Self {
        Self {
            kind,
            details: details.into(),
            unaccepted: false,
        }
    }

    /// Creates the failure of an attempt to connect to these addresses.
    pub(crate) fn connecting(error: &io::Error, addresses: &[SocketAddr]) -> Self {
        let Self { kind, details, .. } = Self::from_io(error);
        let details = match addresses {
            [one] => format!("connecting to {one}: {details}"),
            // If there are several addresses, the error already names them.
            _ => format!("connecting to {details}"),
        };
        Self {
            unaccepted: true,
            ..Self::new(kind, details)
        }
    }

    /// Creates the failure of a TLS handshake.
    pub(crate) fn handshaking(error: &io::Error) -> Self {
        let failure = Self::from_io(error);
        match failure.kind {
            Kind::Tls | Kind::Reset | Kind::Timeout => failure,
            _ => Self::new(
                Kind::Tls,
                format!("during the handshake: {}", failure.details),
            ),
        }
    }

    /// Creates the failure of a request that could not be sent or that got no reply.
    pub(crate) fn asking(error: &io::Error) -> Self {
        match Self::from_io(error) {
            // The connection ended before any byte of the reply had arrived.
            failure if failure.kind == Kind::Truncated => Self::hung_up(),
            failure => failure,
        }
    }

    /// Creates the failure of a connection that ended before any byte arrived. The reply was not cut
    /// short; it never began.
    pub(crate) fn hung_up() -> Self {
        Self::new(Kind::Reset, "the server hung up without a reply")
    }

    /// Converts an error that the pooled client returned before the head of a reply. `begun` tells
    /// whether any byte has arrived from the server.
    pub(crate) fn of_client(error: &(dyn StdError + 'static), begun: bool) -> Self {
        if let Some(own) = find_cause::<Self>(error) {
            return own.clone();
        }
        let failure = match find_cause::<hyper::Error>(error) {
            Some(error) => Self::receiving(error),
            None => Self::new(Kind::Protocol, chain(error)),
        };
        match failure.kind {
            Kind::Truncated if !begun => Self::hung_up(),
            _ => failure,
        }
    }

    /// Converts an error in a reply that has begun.
    pub(crate) fn receiving(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::new(Kind::TooLarge, "the headers are larger than allowed");
        }
        if let Some(cause) = find_cause::<io::Error>(error) {
            return Self::from_io(cause);
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::new(Kind::Truncated, CUT_SHORT);
        }
        Self::new(Kind::Protocol, chain(error))
    }

    /// Converts an error of the connection, whatever the connection was doing.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind as E;
        if let Some(cause) = find_cause::<rustls::Error>(error) {
            return Self::new(Kind::Tls, cause.to_string());
        }
        let kind = match error.kind() {
            E::ConnectionRefused => Kind::Refused,
            E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::NotConnected => {
                Kind::Reset
            }
            E::TimedOut => Kind::Timeout,
            E::UnexpectedEof => Kind::Truncated,
            // hyper reports errors in the framing of a body, such as a bad chunk size, with these kinds.
            E::InvalidData | E::InvalidInput => Kind::Protocol,
            _ => Kind::Io,
        };
        Self::new(kind, error.to_string())
    }
}

/// Returns the first cause of type `T`, starting with `error` itself.
///
/// `source()` skips the error inside an `io::Error`, so `get_ref` is used to reach it.
pub(crate) fn find_cause<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = inner.map(|inner| inner as _).or_else(|| error.source());
    }
    None
}

/// Describes an error and its causes without repetition.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let said = anyhow::Chain::new(error).map(ToString::to_string);
    let said = said.reduce(|text, said| match text.contains(&said) {
        true => text,
        false => format!("{text}: {said}"),
    });
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_kind(kind: io::ErrorKind) -> Kind {
        Failure::from_io(&io::Error::from(kind)).kind
    }

    #[test]
    fn errors_of_the_system_have_their_kinds() {
        use io::ErrorKind as E;
        for (error, kind) in [
            (E::ConnectionRefused, Kind::Refused),
            (E::ConnectionReset, Kind::Reset),
            (E::BrokenPipe, Kind::Reset),
            (E::TimedOut, Kind::Timeout),
            (E::UnexpectedEof, Kind::Truncated),
            (E::HostUnreachable, Kind::Io),
            (E::PermissionDenied, Kind::Io),
        ] {
            assert_eq!(io_kind(error), kind, "{error:?}");
        }
    }

    #[test]
    fn a_tls_error_is_found_inside_an_io_error() {
        let inner = rustls::Error::HandshakeNotComplete;
        let error = io::Error::new(io::ErrorKind::InvalidData, inner);
        assert_eq!(Failure::from_io(&error).kind, Kind::Tls);
        assert_eq!(Failure::handshaking(&error).kind, Kind::Tls);
    }

    #[test]
    fn an_end_during_the_handshake_is_a_tls_failure_but_a_reset_stays_one() {
        let kind = |kind| Failure::handshaking(&io::Error::from(kind)).kind;
        assert_eq!(kind(io::ErrorKind::UnexpectedEof), Kind::Tls);
        assert_eq!(kind(io::ErrorKind::ConnectionReset), Kind::Reset);
    }

    #[test]
    fn an_end_before_the_reply_began_is_a_reset() {
        let error = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Failure::asking(&error), Failure::hung_up());
        assert_eq!(Failure::hung_up().kind, Kind::Reset);
    }

    #[test]
    fn a_failure_reads_kind_colon_details() {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let text = Failure::connecting(&error, &[address]).to_string();
        assert!(
            text.starts_with("refused: connecting to 127.0.0.1:1: "),
            "{text}"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for kind in [
            Kind::Tls,
            Kind::Protocol,
            Kind::TooLarge,
            Kind::Status,
            Kind::Output,
            Kind::Panic,
            Kind::Io,
        ] {
            assert!(!kind.may_pass(), "{kind:?}");
        }
        for kind in [
            Kind::Dns,
            Kind::Refused,
            Kind::Reset,
            Kind::Timeout,
            Kind::Truncated,
        ] {
            assert!(kind.may_pass(), "{kind:?}");
        }
    }
}
