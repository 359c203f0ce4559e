//! The list of what is to be fetched: read, checked and known to be whole before
//! the first socket opens.

use std::{
    io::Read as _,
    net::{Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use url::{Host, Url};

use super::origin::Reply;
use crate::{cli::BadArguments, paint::harmless};

/// The longest list that is read. Thin air: three million long URLs.
const LIST_MAX: u64 = 256 << 20;

/// One request to make.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its place among all requests, from 0.
    pub(crate) index: usize,
    pub(crate) target: Target,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// To the embedded origin, which answers with a reply known in advance.
    Origin(SocketAddr, Reply),
    /// To a URL that the user gave. Shared, since a URL may be fetched often.
    Url(Arc<Url>),
}

impl Target {
    /// The host as a name or address, and the port.
    pub(crate) fn host(&self) -> (Host<&str>, u16) {
        match self {
            Self::Origin(SocketAddr::V4(address), _) => (Host::Ipv4(*address.ip()), address.port()),
            Self::Origin(SocketAddr::V6(address), _) => (Host::Ipv6(*address.ip()), address.port()),
            Self::Url(url) => (
                url.host().unwrap_or(Host::Ipv6(Ipv6Addr::UNSPECIFIED)),
                url.port_or_known_default().unwrap_or(80),
            ),
        }
    }

    /// Whether the connection is to be encrypted.
    pub(crate) fn is_https(&self) -> bool {
        matches!(self, Self::Url(url) if url.scheme() == "https")
    }

    /// What stands in the request line: path and query.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Origin(_, reply) => reply.path(),
            Self::Url(url) => match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            },
        }
    }

    /// What stands in the `Host` header: no port where the scheme implies it.
    pub(crate) fn host_header(&self) -> String {
        match self {
            Self::Origin(address, _) => address.to_string(),
            Self::Url(url) => match (url.host_str().unwrap_or_default(), url.port()) {
                (host, Some(port)) => format!("{host}:{port}"),
                (host, None) => host.to_owned(),
            },
        }
    }
}

/// The URLs of the command line and of the list, in that order.
pub(crate) fn read(urls: &[String], list: Option<&Path>) -> anyhow::Result<Vec<Arc<Url>>> {
    let mut checked = Vec::new();
    for text in urls {
        checked.push(check(text).map_err(BadArguments::error)?);
    }
    if let Some(path) = list {
        let text = read_list(path).map_err(|error| {
            BadArguments::error(format!("cannot read {}: {error}", path.display()))
        })?;
        let before = checked.len();
        for (number, line) in lines(&text) {
            let url = check(line).map_err(|wrong| {
                BadArguments::error(format!("{}, line {number}: {wrong}", path.display()))
            })?;
            checked.push(url);
        }
        if checked.len() == before {
            return Err(BadArguments::error(format!(
                "{} holds no URL",
                path.display()
            )));
        }
    }
    Ok(checked)
}

fn read_list(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LIST_MAX)
            .read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?
            .take(LIST_MAX)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}

/// The lines that hold something, with their numbers counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Editors on Windows put a byte order mark before the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// A URL that can be fetched, or what is wrong with it.
fn check(text: &str) -> Result<Arc<Url>, String> {
    let shown = harmless(text);
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return Err(format!(
                "`{shown}` is not a URL: it begins with neither http:// nor https://"
            ));
        }
        Err(error) => return Err(format!("`{shown}` is not a URL: {error}")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "`{shown}`: the scheme {} is neither http nor https",
            url.scheme()
        ));
    }
    if url.host().is_none() {
        return Err(format!("`{shown}` names no host"));
    }
    if url.port() == Some(0) {
        return Err(format!("`{shown}`: there is no port 0"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it holds a secret.
        return Err("a URL holds a user name or password, which fetch does not send".to_owned());
    }
    Ok(Arc::new(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::Url(check(text).unwrap())
    }

    #[test]
    fn a_list_skips_blank_lines_and_comments_and_counts_them() {
        let text = "\u{feff}# first\n\nhttp://a/\r\n   # indented\n  http://b/  \n";
        assert_eq!(
            lines(text).collect::<Vec<_>>(),
            [(3, "http://a/"), (5, "http://b/")]
        );
    }

    #[test]
    fn what_cannot_be_fetched_is_refused_with_the_reason() {
        for (text, reason) in [
            ("example.com", "neither http"),
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://exa mple/", "not a URL"),
            ("http://[::1/", "not a URL"),
            ("http://host:99999/", "not a URL"),
            ("http://host:0/", "port 0"),
            ("ftp://host/", "scheme ftp"),
            ("file:///etc/passwd", "scheme file"),
            ("http://me:secret@host/", "password"),
        ] {
            let wrong = check(text).expect_err(text);
            assert!(wrong.contains(reason), "{text}: {wrong}");
            assert!(!wrong.contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn host_port_and_path_are_taken_from_the_url() {
        let plain = target("http://example.com/a%20b?x=1#fragment");
        assert_eq!(plain.host(), (Host::Domain("example.com"), 80));
        assert_eq!(plain.path(), "/a%20b?x=1");
        assert_eq!(plain.host_header(), "example.com");
        assert!(!plain.is_https());

        let other = target("https://[::1]:8443");
        assert_eq!(other.host(), (Host::Ipv6(Ipv6Addr::LOCALHOST), 8443));
        assert_eq!(other.path(), "/");
        assert_eq!(other.host_header(), "[::1]:8443");
        assert!(other.is_https());
        assert_eq!(target("https://a/").host().1, 443);
    }

    #[test]
    fn an_unreadable_list_and_an_empty_one_are_bad_arguments() {
        let missing = read(&[], Some(Path::new("/nowhere/list"))).unwrap_err();
        assert!(missing.is::<BadArguments>() && missing.to_string().contains("/nowhere/list"));

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# nothing\n").unwrap();
        assert!(
            read(&[], Some(file.path()))
                .unwrap_err()
                .to_string()
                .contains("no URL")
        );

        std::fs::write(file.path(), "http://a/\n\nnonsense\n").unwrap();
        assert!(
            read(&[], Some(file.path()))
                .unwrap_err()
                .to_string()
                .contains("line 3")
        );
    }

    #[test]
    fn the_command_line_comes_before_the_list() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "http://b/\n").unwrap();
        let urls = read(&["http://a/".to_owned()], Some(file.path())).unwrap();
        assert_eq!(
            urls.iter().map(|url| url.as_str()).collect::<Vec<_>>(),
            ["http://a/", "http://b/"]
        );
    }
}
