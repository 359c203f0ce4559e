//! Selects the proxy of a URL by the rules of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.
//! hyper-util reads these variables as curl does.
//!
//! An unusable proxy is refused before anything is fetched. Ignoring it would send requests where the
//! user did not want them to go.

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::{options::BadArguments, paint::harmless};

/// The variables that name a proxy, each in both spellings.
const VARIABLES: [[&str; 2]; 3] = [
    ["HTTP_PROXY", "http_proxy"],
    ["HTTPS_PROXY", "https_proxy"],
    ["ALL_PROXY", "all_proxy"],
];

/// The proxies that the environment names, if any.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Option<Matcher>);

impl Proxies {
    /// Reads the environment.
    ///
    /// # Errors
    /// Returns an error if a variable holds something other than an `http://` proxy.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        for names in VARIABLES {
            // Of the two spellings, the first that is set counts, even if its value is empty.
            let found = names
                .iter()
                .find_map(|&name| Some((name, std::env::var_os(name)?)));
            if let Some((name, value)) = found {
                check(&value.to_string_lossy())
                    .map_err(|wrong| BadArguments::error(format!("{name}: {wrong}")))?;
            }
        }
        Ok(Self(Some(Matcher::from_env())))
    }

    /// Returns the proxy through which a request to `uri` goes, if any.
    pub(crate) fn of(&self, uri: &Uri) -> Option<Intercept> {
        self.0.as_ref()?.intercept(uri)
    }
}

fn check(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    // The value may hold a password, so no message repeats all of it.
    let wrong = "is not the URL of a proxy (--no-proxy connects without one)";
    let uri: Uri = value.parse().map_err(|_| wrong.to_owned())?;
    match uri.scheme_str() {
        None | Some("http") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(()),
        None | Some("http") => Err(wrong.to_owned()),
        Some(scheme) => Err(format!(
            "a proxy with {}:// is not supported, only http:// (--no-proxy connects without one)",
            harmless(scheme)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_and_its_password_is_not() {
        for fine in [
            "",
            "http://me:secret@proxy:3128",
            "proxy:3128",
            "http://[::1]:1/",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "socks5://me:secret@proxy",
            "https://proxy",
            "http://",
            "a b",
            "/path",
        ] {
            let said = check(wrong).expect_err(wrong);
            assert!(
                said.contains("--no-proxy") && !said.contains("secret"),
                "{said}"
            );
        }
    }

    #[test]
    fn no_proxy_is_kept_to() {
        let matcher = Matcher::builder()
            .http("http://me:word@proxy:3128")
            .no("localhost, 10.0.0.0/8")
            .build();
        let proxies = Proxies(Some(matcher));
        let proxy = proxies
            .of(&Uri::from_static("http://example.com/"))
            .unwrap();
        assert_eq!(proxy.uri().authority().unwrap(), "proxy:3128");
        let password = proxy.basic_auth().unwrap().to_str().unwrap();
        assert!(password.starts_with("Basic "));
        for direct in [
            "http://localhost/",
            "http://10.1.2.3/",
            "https://example.com/",
        ] {
            assert!(proxies.of(&Uri::from_static(direct)).is_none(), "{direct}");
        }
    }
}
