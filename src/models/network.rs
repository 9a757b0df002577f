//! How to reach the outside: endpoint, token, Python, patience. Read from the environment in one place.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::Uri;

use super::http::is_allowed;

/// The hub, unless `HF_ENDPOINT` names a mirror.
const HUB: &str = "https://huggingface.co";

/// What a pull may use to reach its sources. Proxies (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) apply on top.
#[derive(Debug, Clone)]
pub struct Network {
    /// Base address of the hub: https, or http on a loopback host.
    pub endpoint: String,
    /// Sent to the endpoint, and to no other host.
    pub token: Option<Token>,
    /// Replaces the built-in certificate authorities, for networks with their own.
    pub ca_file: Option<PathBuf>,
    /// The Python whose pip fetches packages.
    pub python: PathBuf,
    /// For looking a host up, and again for connecting to it.
    pub connect_timeout: Duration,
    /// Without a byte for this long a connection counts as dead.
    pub read_timeout: Duration,
    /// Before the first retry; doubles with each further one.
    pub retry_pause: Duration,
}

impl Network {
    /// The usual settings with what `HF_ENDPOINT`, `HF_TOKEN` and `SSL_CERT_FILE` say.
    pub fn from_env() -> Self {
        let set = |name| env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self {
            endpoint: set("HF_ENDPOINT").unwrap_or_else(|| HUB.into()),
            token: set("HF_TOKEN").map(Token::new),
            ca_file: set("SSL_CERT_FILE").map(PathBuf::from),
            ..Self::default()
        }
    }

    /// The endpoint's address, if it may be used.
    pub(super) fn endpoint_uri(&self) -> Result<Uri, String> {
        let uri: Uri = self
            .endpoint
            .parse()
            .map_err(|error| format!("{} (HF_ENDPOINT) is no address: {error}", self.endpoint_shown()))?;
        if is_allowed(&uri, &uri) {
            Ok(uri)
        } else {
            Err(format!("{} (HF_ENDPOINT) must start with https://", self.endpoint_shown()))
        }
    }

    /// Without the user name and password that an address may carry.
    fn endpoint_shown(&self) -> &str {
        self.endpoint.rsplit('@').next().unwrap_or_default()
    }

    /// The endpoint's host, for display.
    pub(super) fn hub_name(&self) -> String {
        if self.endpoint == HUB {
            return "Hugging Face hub".into();
        }
        match self.endpoint_uri() {
            Ok(uri) => match uri.port_u16() {
                Some(port) => format!("hub {}:{port}", uri.host().unwrap_or_default()),
                None => format!("hub {}", uri.host().unwrap_or_default()),
            },
            Err(_) => "hub".into(),
        }
    }
}

impl Default for Network {
    /// The official hub, anonymously, and the `python3` of the search path.
    fn default() -> Self {
        Self {
            endpoint: HUB.into(),
            token: None,
            ca_file: None,
            python: "python3".into(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            retry_pause: Duration::from_millis(500),
        }
    }
}

/// A secret that no debug output shows.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Wraps a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        let with = |endpoint: &str| Network { endpoint: endpoint.into(), ..Network::default() };
        for good in ["https://hf-mirror.com", "https://hf-mirror.com/", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert!(with(good).endpoint_uri().is_ok(), "{good}");
        }
        for bad in ["http://hf-mirror.com", "hf-mirror.com", "file:///models", "https://", ""] {
            let why = with(bad).endpoint_uri().expect_err(bad);
            assert!(why.contains("HF_ENDPOINT"), "{why}");
        }
        let why = with("http://me:secret@mirror.example").endpoint_uri().unwrap_err();
        assert!(why.starts_with("mirror.example (HF_ENDPOINT)"), "{why}");
        assert_eq!(with("https://me:secret@mirror.example:8443").hub_name(), "hub mirror.example:8443");
    }

    #[test]
    fn a_token_is_in_no_debug_output() {
        let network = Network { token: Some(Token::new("hf_secret".into())), ..Network::default() };
        assert!(!format!("{network:?}").contains("secret"));
    }
}
