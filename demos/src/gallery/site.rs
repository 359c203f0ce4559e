//! The replies of the gallery, request by request.
//!
//! | request | reply |
//! |---|---|
//! | `GET /` and its style and script | the live page |
//! | `GET /visitor/17` | a few bytes, immediately; their latency is measured |
//! | `GET /picture/17` | a thumbnail of a photograph, made for this request |
//! | `POST /thumbnail` | a thumbnail of the picture that was sent |
//! | `GET /events` | the figures, for as long as the client listens |
//! | `GET /finished/17` | a thumbnail that was made earlier, for the live page |
//! | `PUT /place/pool` | the name of the place; all later thumbnails are made there |

use std::{convert::Infallible, sync::Arc};

use async_channel::Receiver;
use brigade::time::timeout;
use bytes::Bytes;
use clap::ValueEnum as _;
use http_body_util::{BodyExt as _, Full, Limited, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderValue},
};
use parking_lot::Mutex;

use super::{
    args::Args,
    events::{self, Finished},
    images::Album,
    load::Tick,
    place::{Place, Resizer},
};
use crate::gauge::Gauge;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page loads nothing from other servers, and this policy enforces that.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A reply whose body is either complete or a stream of events.
pub(crate) type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// The data that all connections share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) album: Album,
    pub(crate) resizer: Resizer,
    pub(crate) args: Args,
    /// The requests that are being answered.
    pub(crate) requests: Arc<Gauge>,
    pub(crate) finished: Mutex<Finished>,
    /// The latest report of the load generator, and its number, so that a page shows each report once.
    pub(crate) news: Mutex<(u64, Tick)>,
}

impl Site {
    /// Answers one request. It never returns an error: a failure becomes a reply with an error status.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        closing: Receiver<()>,
    ) -> Result<Reply, Infallible> {
        let _counted = self.requests.up();
        let path = request.uri().path().to_owned();
        let (room, name) = path[1.min(path.len())..]
            .split_once('/')
            .unwrap_or((&path, ""));
        let number = name.parse::<u64>().ok();
        Ok(match (request.method(), room, number) {
            (&Method::GET, "/", _) => page("text/html; charset=utf-8", PAGE),
            (&Method::GET, "/page.css", _) => page("text/css; charset=utf-8", STYLE),
            (&Method::GET, "/page.js", _) => page("text/javascript; charset=utf-8", SCRIPT),
            (&Method::GET, "/events", _) => events::stream(self, closing),
            (&Method::GET, "visitor", Some(number)) => text(StatusCode::OK, &welcome(number)),
            (&Method::GET, "picture", Some(number)) => {
                let picture = &self.album[number as usize % self.album.len()];
                self.thumbnail(picture.file.clone()).await
            }
            (&Method::GET, "finished", Some(number)) => match self.finished.lock().get(number) {
                Some(file) => jpeg(file),
                None => text(StatusCode::GONE, "This thumbnail is gone.\n"),
            },
            (&Method::POST, "/thumbnail", _) => self.uploaded(request).await,
            (&Method::PUT, "place", _) => self.switch(name),
            (_, "/" | "/page.css" | "/page.js" | "/events" | "/thumbnail", _)
            | (_, "visitor" | "picture" | "finished", Some(_)) => text(
                StatusCode::METHOD_NOT_ALLOWED,
                "This path does not allow this method.\n",
            ),
            _ => text(StatusCode::NOT_FOUND, "There is no such thing here.\n"),
        })
    }

    async fn thumbnail(&self, file: Bytes) -> Reply {
        match self.resizer.thumbnail(file).await {
            Ok(thumbnail) => {
                self.finished.lock().add(thumbnail.clone());
                jpeg(thumbnail)
            }
            Err(error) => text(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}\n")),
        }
    }

    /// Reads a client's picture, within the limits of size and time.
    async fn uploaded(&self, request: Request<Incoming>) -> Reply {
        let body = request.into_body();
        let (large, bad) = (StatusCode::PAYLOAD_TOO_LARGE, StatusCode::BAD_REQUEST);
        let too_large = || text(large, "This picture is too large.\n");
        if body.size_hint().lower() > self.args.max_body as u64 {
            // The client itself announced the size, so no byte of the body is read.
            return too_large();
        }
        let body = Limited::new(body, self.args.max_body).collect();
        match timeout(self.args.patience(), body).await {
            Ok(Ok(body)) => self.thumbnail(body.to_bytes()).await,
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => too_large(),
            Ok(Err(_)) => text(bad, "The picture did not arrive whole.\n"),
            Err(_) => {
                let late = StatusCode::REQUEST_TIMEOUT;
                text(late, "The picture did not arrive in time.\n")
            }
        }
    }

    /// Switches the place. A browser sends a PUT to another site only if that site permits it, so a page of
    /// another site cannot switch the place.
    fn switch(&self, name: &str) -> Reply {
        match Place::from_str(name, false) {
            // Without `--serve` a measurement is under way, and the place must not change.
            Ok(place) if self.args.serve => {
                self.resizer.switch(place);
                text(StatusCode::OK, &format!("{name}\n"))
            }
            Ok(_) => text(StatusCode::FORBIDDEN, "A measurement is under way.\n"),
            Err(_) => text(StatusCode::NOT_FOUND, "must be handler, task or pool\n"),
        }
    }
}

/// Returns the reply to visitor number `number`.
pub(crate) fn welcome(number: u64) -> String {
    format!("Welcome, visitor {number}.\n")
}

fn page(kind: &'static str, content: &'static str) -> Reply {
    let mut reply = whole(StatusCode::OK, kind, Bytes::from_static(content.as_bytes()));
    let policy = HeaderValue::from_static(POLICY);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    reply
}

fn text(status: StatusCode, words: &str) -> Reply {
    let words = Bytes::copy_from_slice(words.as_bytes());
    whole(status, "text/plain; charset=utf-8", words)
}

fn jpeg(file: Bytes) -> Reply {
    whole(StatusCode::OK, "image/jpeg", file)
}

fn whole(status: StatusCode, kind: &'static str, content: Bytes) -> Reply {
    reply(status, kind, Full::new(content).boxed_unsync())
}

pub(crate) fn reply(
    status: StatusCode,
    kind: &'static str,
    body: UnsyncBoxBody<Bytes, Infallible>,
) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        reply
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    reply
}
