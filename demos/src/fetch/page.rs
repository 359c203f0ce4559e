//! Fetches one URL of the user: the exchange with its server, redirects, and the destination of the body.

use std::{
    path::PathBuf,
    pin::pin,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, SystemTime},
};

use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Method, Response, StatusCode, Version,
    body::Incoming,
    header::{self, HeaderMap, HeaderName},
    http::Extensions,
};
use hyper_util::client::legacy::{self, connect::capture_connection};

use super::{
    ask::{Hop, REDIRECTS_MAX},
    body::{self, Sink, To},
    client::{CONNECTING, Client, Outcome, RECEIVING, WAITING, open},
    connector::Traffic,
    failure::{Failure, Kind},
    jobs::Page,
    output::PartFile,
    queue::Turn,
};

/// The maximum number of times that a request is sent again because the server had closed the connection
/// that the pool kept. The pool may hold several closed connections, and each attempt uses up one.
const STALE_MAX: usize = 20;

/// The maximum number of bytes that are read of a redirect's body. The connection can be used again only if
/// the body is read to the end.
const REDIRECT_BODY_MAX: usize = 64 << 10;

impl Client {
    /// Fetches a page of the user, and follows redirects.
    pub(super) async fn fetch_page(
        &self,
        turn: Turn,
        page: &Page,
        outcome: &mut Outcome,
    ) -> Result<Option<PathBuf>, Failure> {
        let resume = self.plan.args.resume;
        let part = match self.plan.output.file_for(turn.index, Some(page)) {
            // A file with its final name is complete.
            Some(file) if resume && file.exists() => return Ok(Some(file)),
            Some(file) => Some(open(file, resume).await?),
            None => None,
        };
        let rest = part.as_ref().and_then(PartFile::resumes);
        let mut hop = Hop::first(&page.url, &self.plan.ask);
        let response = loop {
            let response = self.exchange(&hop, turn.last, rest, outcome).await?;
            outcome.status = Some(response.status().as_u16());
            outcome.version = Some(version_name(response.version()));
            if self.plan.args.no_location || !hop.follow(response.status(), response.headers())? {
                break response;
            }
            if outcome.redirects.len() == REDIRECTS_MAX {
                let what = format!("redirected more than {REDIRECTS_MAX} times");
                return Err(Failure::new(Kind::Protocol, what));
            }
            outcome.redirects.push(hop.url.to_string());
            // Read the body to its end, so that the connection can be used again. Give up if the body is long.
            let body = Limited::new(response.into_body(), REDIRECT_BODY_MAX);
            let _ = body.collect().await;
        };
        outcome.stage = RECEIVING;
        let status = response.status();
        let to = match part {
            // This case comes before `--fail`: here, status 416 means that the part is already the whole
            // file.
            Some(part) if is_whole(&part, &response) => {
                outcome.bytes = part.len();
                return part.finish().map(Some);
            }
            _ if self.plan.args.fail && status.as_u16() >= 400 => {
                return Err(Failure::new(Kind::Status, status.to_string()));
            }
            None if self.plan.output.is_stdout() => To::Stdout,
            None => To::Nowhere,
            Some(part) if !resume => To::File(part),
            Some(part) => go_on(part, &response)?,
        };
        outcome.encoding = text(response.headers(), header::CONTENT_ENCODING).map(str::to_owned);
        let bodiless = hop.method() == Method::HEAD || status == StatusCode::NOT_MODIFIED;
        let encoding = outcome.encoding.as_deref();
        let encoding = encoding.filter(|_| !self.plan.ask.raw && !bodiless);
        let sink = Sink::new(to, self.plan.args.max_body, &mut outcome.bytes);
        let received = &self.dialer.received;
        body::receive(response.into_body(), encoding, sink, received).await
    }

    /// Sends a request and waits for the head of the reply.
    async fn exchange(
        &self,
        hop: &Hop,
        last: bool,
        rest: Option<(u64, SystemTime)>,
        outcome: &mut Outcome,
    ) -> Result<Response<Incoming>, Failure> {
        let (connector, client) = self.pooled.as_ref().expect("there are pages to fetch");
        let uri = hop.uri()?;
        // Add the proxy's password only to a request to http://. A request to https:// goes through a tunnel,
        // so the server would receive the password.
        let proxy = connector.proxies.of(&uri);
        let password = proxy
            .filter(|_| uri.scheme_str() == Some("http"))
            .and_then(|proxy| proxy.basic_auth().cloned());
        let mut stale = 0;
        loop {
            outcome.stage = CONNECTING;
            let mut request = hop.request(uri.clone(), last, rest, self.plan.args.resume);
            if let Some(password) = &password {
                let headers = request.headers_mut();
                headers.insert(header::PROXY_AUTHORIZATION, password.clone());
            }
            let mut captured = capture_connection(&mut request);
            let connected = captured.wait_for_connection_metadata().map(drop);
            let reply = client.request(request);
            let result = match select(reply, pin!(connected)).await {
                Either::Left((result, _)) => result,
                Either::Right(((), reply)) => {
                    outcome.stage = WAITING;
                    reply.await
                }
            };
            let error = match result {
                Err(error) => error,
                Ok(response) => {
                    let traffic = response.extensions().get::<Traffic>();
                    traffic.inspect(|traffic| traffic.replied.store(true, Relaxed));
                    return Ok(response);
                }
            };
            let traffic = traffic_of(&error).unwrap_or_default();
            let used = traffic.replied.load(Relaxed);
            let begun = traffic.begun.load(Relaxed) && !used;
            let failure = Failure::of_client(&error, begun);
            // The server may close an idle connection at any time, even while a request is being sent on it.
            // Over HTTP/2, that is reported as a protocol error. A retry on another connection shows
            // whether there was another cause.
            let closed = used && matches!(failure.kind, Kind::Reset | Kind::Protocol);
            if !closed || !hop.method().is_idempotent() || stale == STALE_MAX {
                return Err(failure);
            }
            stale += 1;
        }
    }
}

/// Returns whether the server reports that the stored part of a file is the whole file.
fn is_whole(part: &PartFile, reply: &Response<Incoming>) -> bool {
    let range = text(reply.headers(), header::CONTENT_RANGE);
    reply.status() == StatusCode::RANGE_NOT_SATISFIABLE
        && part
            .resumes()
            .is_some_and(|(from, _)| range == Some(&format!("bytes */{from}")))
}

/// Reads the head of a reply, and decides what to do with the body: append it to the stored part of the file,
/// replace that part, or only count the bytes.
fn go_on(mut part: PartFile, reply: &Response<Incoming>) -> Result<To, Failure> {
    let (status, headers) = (reply.status(), reply.headers());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = text(headers, header::CONTENT_RANGE).unwrap_or_default();
        let begins = |(from, _)| range.starts_with(&format!("bytes {from}-"));
        if !part.resumes().is_some_and(begins) {
            let another = "the server did not send the missing part of the page";
            return Err(Failure::new(Kind::Protocol, another));
        }
    } else if status.is_success() {
        let encoded = headers.contains_key(header::CONTENT_ENCODING);
        let changed = text(headers, header::LAST_MODIFIED).filter(|_| !encoded);
        let changed = changed.and_then(|date| httpdate::parse_http_date(date).ok());
        // Dates have whole seconds, and a page may change twice within one second. So a date identifies a
        // version only if it is some seconds old.
        let settled = |date: &SystemTime| {
            let age = SystemTime::now().duration_since(*date);
            age.is_ok_and(|age| age > Duration::from_secs(2))
        };
        part.restart(changed.filter(settled))?;
    } else {
        // The body is, for example, an error message of the server. The part stays as it is.
        return Ok(To::Nowhere);
    }
    Ok(To::File(part))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        // The client uses no other version.
        _ => "HTTP/1.1",
    }
}

/// Returns the traffic of the connection on which a request failed, if there was a connection.
fn traffic_of(error: &legacy::Error) -> Option<Traffic> {
    let mut extensions = Extensions::new();
    error.connect_info()?.get_extras(&mut extensions);
    extensions.get::<Traffic>().cloned()
}
