//! The parts of a request: the method, the headers and the body, and what remains of them after a
//! redirect.

use std::{path::Path, time::SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode, Uri,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use url::{Position, Url};

use super::{
    args::Args,
    body::ENCODINGS,
    failure::{Failure, Kind},
    jobs,
};
use crate::{paint::harmless, prelude::*};

/// The maximum number of redirects that are followed for one request. Browsers and wget have the same
/// limit.
pub(crate) const REDIRECTS_MAX: usize = 20;

pub(crate) const USER_AGENT: &str = concat!("brigade/", env!("CARGO_PKG_VERSION"));

/// Headers that mark the end of a message or apply only to one connection. `fetch` sets them itself.
const OWN: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
];

/// Headers that must no longer be sent after a redirect to another server.
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::HOST];

/// The request that is sent to each URL.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// True if the user chose the encodings. Bodies are then kept undecoded.
    pub(crate) raw: bool,
}

impl Ask {
    /// Builds a request from `-X`, `-H` and `-d`.
    pub(crate) fn new(args: &Args) -> anyhow::Result<Self> {
        let data = Some(&args.data).filter(|data| !data.is_empty());
        let body = data.map(|data| read_data(data)).transpose()?;
        let method = match &args.method {
            Some(name) => parse_method(name)?,
            None if body.is_some() => Method::POST,
            None => Method::GET,
        };
        let mut all = HeaderMap::new();
        let fixed = |value| HeaderValue::from_static(value);
        all.insert(header::USER_AGENT, fixed(USER_AGENT));
        all.insert(header::ACCEPT, fixed("*/*"));
        all.insert(header::ACCEPT_ENCODING, fixed(ENCODINGS));
        if body.is_some() {
            let form = fixed("application/x-www-form-urlencoded");
            all.insert(header::CONTENT_TYPE, form);
        }
        let (mut given, mut raw) = (HeaderMap::new(), false);
        for line in &args.headers {
            let (name, value) = parse_header(line)?;
            raw |= name == header::ACCEPT_ENCODING;
            all.remove(&name);
            if let Some(value) = value {
                given.append(name, value);
            }
        }
        all.extend(given);
        Ok(Self {
            method,
            headers: all,
            body: body.unwrap_or_default(),
            raw,
        })
    }
}

fn read_data(data: &[String]) -> anyhow::Result<Bytes> {
    let parts = data.iter().map(|part| match part.strip_prefix('@') {
        None => Ok(part.clone().into_bytes()),
        Some(file) => jobs::read_input(Path::new(file), u64::MAX)
            .map_err(|error| BadArguments::error(format!("-d @{file} cannot be read: {error}"))),
    });
    let parts = parts.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(parts.join(&b'&').into())
}

fn parse_method(name: &str) -> anyhow::Result<Method> {
    let bad = |what: &str| BadArguments::error(format!("-X {}{what}", harmless(name)));
    let method = Method::from_bytes(name.as_bytes());
    let method = method.map_err(|_| bad(": this is not the name of a method"))?;
    ensure!(method != Method::CONNECT, bad(" is only for proxies"));
    Ok(method)
}

/// Parses the name of a header, and its value unless the header is to be omitted.
fn parse_header(line: &str) -> anyhow::Result<(HeaderName, Option<HeaderValue>)> {
    let shown = harmless(line.split(':').next().unwrap_or_default());
    let bad = |what: &str| BadArguments::error(format!("-H `{shown}`: {what}"));
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| bad("write a header as `Name: value`, or `Name:` to leave it out"))?;
    let name: HeaderName = name.parse().map_err(|_| bad("this is not a header name"))?;
    ensure!(!OWN.contains(&name), bad("fetch sets this header itself"));
    let value = value.trim();
    if value.is_empty() {
        return Ok((name, None));
    }
    // Do not print the value, which may be a secret.
    let value = HeaderValue::from_str(value)
        .map_err(|_| bad("the value contains a character that a header must not contain"))?;
    Ok((name, Some(value)))
}

/// One request. After a redirect, it continues at a different URL.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    ask: Ask,
}

impl Hop {
    pub(crate) fn first(url: &Url, ask: &Ask) -> Self {
        Self {
            url: url.clone(),
            ask: ask.clone(),
        }
    }

    pub(crate) fn uri(&self) -> Result<Uri, Failure> {
        let failed = |error| format!("this URL cannot be sent: {error}");
        let uri = Uri::try_from(&self.url[..Position::AfterQuery]);
        uri.map_err(|error| Failure::new(Kind::Protocol, failed(error)))
    }

    pub(crate) fn method(&self) -> &Method {
        &self.ask.method
    }

    /// Builds the request. The connection is kept open, unless this is the `last` request to its host. If
    /// the first part of the body is already stored, only the rest is requested.
    pub(crate) fn request(
        &self,
        uri: Uri,
        last: bool,
        rest: Option<(u64, SystemTime)>,
        keeps_parts: bool,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.ask.body.clone()));
        *request.method_mut() = self.ask.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        // A request to http:// uses HTTP/1.1, in which `host` should be the first header. For https://,
        // the client adds this header.
        if self.url.scheme() == "http" && !self.ask.headers.contains_key(header::HOST) {
            headers.insert(header::HOST, host_header(&self.url));
        }
        for (name, value) in &self.ask.headers {
            headers.append(name, value.clone());
        }
        if last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if keeps_parts {
            // Ask for no compression, because a part of a compressed body could not be resumed.
            let identity = HeaderValue::from_static("identity");
            headers.insert(header::ACCEPT_ENCODING, identity);
        }
        if let Some((from, version)) = rest {
            let mut insert = |name, value: String| {
                headers.insert(name, value.parse().expect("digits and a date"));
            };
            insert(header::RANGE, format!("bytes={from}-"));
            insert(header::IF_RANGE, httpdate::fmt_http_date(version));
        }
        request
    }

    /// If a reply with this status and these headers is a redirect, changes this request to follow it.
    /// Returns whether the reply is a redirect.
    pub(crate) fn follow(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<bool, Failure> {
        let moved = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = headers.get(header::LOCATION).filter(|_| moved) else {
            return Ok(false);
        };
        let location = String::from_utf8_lossy(location.as_bytes());
        let failed = |what: String| Failure::new(Kind::Protocol, format!("redirected: {what}"));
        let url = self.url.join(&location);
        let url = url.map_err(|error| failed(format!("`{}`: {error}", harmless(&location))))?;
        jobs::check(&url).map_err(failed)?;
        if url.origin() != self.url.origin() {
            for name in SECRET {
                self.ask.headers.remove(name);
            }
        }
        let see_other = status == StatusCode::SEE_OTHER && self.ask.method != Method::HEAD;
        // After 301 and 302, every browser replaces POST by GET, so the standard allows that.
        let was_post = matches!(status.as_u16(), 301 | 302) && self.ask.method == Method::POST;
        if see_other || was_post {
            self.ask.method = Method::GET;
            self.ask.body = Bytes::new();
            self.ask.headers.remove(header::CONTENT_TYPE);
        }
        self.url = url;
        Ok(true)
    }
}

/// Returns the value of the header `host`, without the port if it is the default port of the scheme.
fn host_header(url: &Url) -> HeaderValue {
    let text = &url[Position::BeforeHost..Position::AfterPort];
    text.parse().expect("a parsed host holds nothing else")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn ask(method: Option<&str>, headers: &[&str], data: &[&str]) -> anyhow::Result<Ask> {
        let mut args = vec!["fetch"];
        args.extend(method.iter().flat_map(|method| ["-X", method]));
        args.extend(headers.iter().flat_map(|line| ["-H", line]));
        args.extend(data.iter().flat_map(|part| ["-d", part]));
        Ask::new(&Args::parse_from(args))
    }

    fn moved(location: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))])
    }

    #[test]
    fn headers_replace_those_that_are_sent_anyway() {
        let ask = ask(
            None,
            &["accept: text/html", "User-Agent:", "x: 1", "X: 2"],
            &[],
        )
        .unwrap();
        assert_eq!(ask.headers["accept"], "text/html");
        assert!(!ask.headers.contains_key("user-agent"));
        assert_eq!(ask.headers.get_all("x").iter().count(), 2);
        assert!(!ask.raw);
    }

    #[test]
    fn data_makes_a_post_unless_the_method_is_named() {
        let post = ask(None, &[], &["a=1", "b=2"]).unwrap();
        assert_eq!(
            (&post.method, &post.body[..]),
            (&Method::POST, &b"a=1&b=2"[..])
        );
        let put = ask(Some("PUT"), &["content-type: text/plain"], &["x"]).unwrap();
        assert_eq!(put.method, Method::PUT);
        assert_eq!(put.headers["content-type"], "text/plain");
    }

    #[test]
    fn what_cannot_be_asked_is_refused_and_secrets_are_not_repeated() {
        for (method, header, data) in [
            (Some("CONNECT"), None, None),
            (Some("G T"), None, None),
            (None, Some("no colon"), None),
            (None, Some("a b: c"), None),
            (None, Some("Content-Length: 5"), None),
            (None, Some("Transfer-Encoding: chunked"), None),
            (None, Some("authorization: secret\r\nx: y"), None),
            (None, None, Some("@/nowhere/data")),
        ] {
            let error = ask(method, header.as_slice(), data.as_slice()).unwrap_err();
            assert!(error.is::<BadArguments>(), "{header:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_redirect_leaves_secrets_behind_when_it_leaves_the_server() {
        let ask = ask(
            None,
            &["authorization: secret", "cookie: secret", "x-mine: 1"],
            &[],
        );
        let mut hop = Hop::first(&"http://a/b/c".parse().unwrap(), &ask.unwrap());
        assert!(hop.follow(StatusCode::FOUND, &moved("../d")).unwrap());
        assert_eq!(hop.url.as_str(), "http://a/d");
        assert!(hop.ask.headers.contains_key("authorization"));
        for elsewhere in ["https://a/", "http://a:81/", "//b/"] {
            let mut hop = hop.clone();
            assert!(hop.follow(StatusCode::FOUND, &moved(elsewhere)).unwrap());
            assert!(
                !hop.ask.headers.contains_key("authorization"),
                "{elsewhere}"
            );
            assert!(!hop.ask.headers.contains_key("cookie"), "{elsewhere}");
            assert!(hop.ask.headers.contains_key("x-mine"));
        }
    }

    #[test]
    fn a_redirected_post_becomes_a_get_where_browsers_make_it_one() {
        for (status, method, stays) in [
            (301, "POST", false),
            (302, "POST", false),
            (303, "PUT", false),
            (301, "PUT", true),
            (307, "POST", true),
            (308, "POST", true),
            (303, "HEAD", true),
        ] {
            let ask = ask(Some(method), &[], &["body"]).unwrap();
            let mut hop = Hop::first(&"http://a/".parse().unwrap(), &ask);
            let status = StatusCode::from_u16(status).unwrap();
            assert!(hop.follow(status, &moved("/b")).unwrap());
            assert_eq!(
                hop.ask.method.as_str() == method,
                stays,
                "{status} {method}"
            );
            assert_eq!(!hop.ask.body.is_empty(), stays, "{status} {method}");
        }
    }

    #[test]
    fn a_redirect_that_leads_nowhere_is_a_failure_or_an_answer() {
        let ask = ask(None, &[], &[]).unwrap();
        let hop = Hop::first(&"http://a/".parse().unwrap(), &ask);
        for wrong in ["ftp://a/", "http://a:0/", "http://me:secret@a/", "http://"] {
            let failure = hop.clone().follow(StatusCode::FOUND, &moved(wrong));
            let failure = failure.unwrap_err();
            assert_eq!(failure.kind, Kind::Protocol, "{wrong}");
            assert!(!failure.details.contains("secret"), "{failure}");
        }
        for (status, headers) in [
            (304, moved("/b")),
            (301, HeaderMap::new()),
            (200, moved("/b")),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(!hop.clone().follow(status, &headers).unwrap(), "{status}");
        }
    }
}
