//! One GET of a file, with the rules of the road: https only, redirects followed by hand, secrets kept to one host.
//!
//! The request runs on a thread of its own and hands its blocks over a bounded channel, so that the caller notices a
//! cancel at once, whatever the server does. Dropping a [`Download`] closes its connection.
//!
//! - Plain http is accepted only for a loopback host, and only if the endpoint itself is one: a redirect from the
//!   internet can then never reach a service on this machine.
//! - The token goes to the endpoint's own scheme, host and port and nowhere else: hubs redirect to storage hosts.
//! - No body is larger in memory than one block; the caller bounds the whole.

use std::io::Read as _;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tanya_engine::Cancel;
use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, LOCATION, RANGE,
};
use ureq::http::uri::Scheme;
use ureq::http::{HeaderName, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Timeout};

use super::hash::FileHash;
use super::network::Network;

/// As browsers and curl limit them.
const MAX_REDIRECTS: usize = 10;
/// Read at once from the connection.
const BLOCK: usize = 256 << 10;
/// Between two looks at the cancel flag.
const LOOK: Duration = Duration::from_millis(50);

/// Why a request gave no, or no whole, answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// The person gave up.
    Cancelled,
    /// No connection: worth a second try only if one worked before.
    Unreachable(String),
    /// The server or the connection failed on the way: worth a second try.
    Broken(String),
    /// An answer that a second try will not change.
    Final(String),
}

/// What an answer says before its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// 200, 206 or 416.
    pub(super) status: u16,
    /// Offset of the body's first byte.
    pub(super) start: u64,
    /// Size of the whole file.
    pub(super) total: Option<u64>,
    /// Hash of the whole file, as the hub keeps it for large files.
    pub(super) sha256: Option<FileHash>,
}

/// A step of a download.
pub(super) enum Step {
    Head(Head),
    Data(Vec<u8>),
    End,
}

/// A GET in progress.
pub(super) struct Download {
    agent: Agent,
    steps: Receiver<Result<Step, Stop>>,
}

impl Download {
    /// Starts fetching `path` below the endpoint, from the byte `offset` on.
    pub(super) fn start(network: &Network, path: &str, offset: u64) -> Result<Self, Stop> {
        let endpoint = network.endpoint_uri().map_err(Stop::Final)?;
        let uri = format!("{}{path}", network.endpoint.trim_end_matches('/'));
        let uri: Uri = uri.parse().map_err(|error| Stop::Final(format!("{uri}: {error}")))?;
        let agent = agent(network, &endpoint)?;
        // A few blocks: enough to overlap the network with hashing and writing, and no more memory than that.
        let (sender, steps) = sync_channel(4);
        let request = Request {
            agent: agent.clone(),
            endpoint,
            offset,
            bearer: network.token.as_ref().map(|token| format!("Bearer {}", token.reveal())),
            network: network.clone(),
        };
        std::thread::Builder::new()
            .name("model-download".into())
            .spawn(move || {
                if let Err(stop) = request.run(uri, &sender) {
                    // Nobody listens any more when the caller has dropped the download.
                    let _ = sender.send(Err(stop));
                }
            })
            .map_err(|error| Stop::Final(format!("cannot start a thread: {error}")))?;
        Ok(Self { agent, steps })
    }

    /// Waits for the next step; `idle` is called some times a second meanwhile.
    pub(super) fn next(&self, cancel: &Cancel, idle: &mut dyn FnMut()) -> Result<Step, Stop> {
        loop {
            if cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            match self.steps.recv_timeout(LOOK) {
                Ok(step) => return step,
                Err(RecvTimeoutError::Timeout) => idle(),
                Err(RecvTimeoutError::Disconnected) => return Err(Stop::Broken("the download stopped".into())),
            }
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.agent.clone().shutdown();
    }
}

struct Request {
    agent: Agent,
    endpoint: Uri,
    offset: u64,
    bearer: Option<String>,
    network: Network,
}

impl Request {
    fn run(&self, mut uri: Uri, steps: &SyncSender<Result<Step, Stop>>) -> Result<(), Stop> {
        let mut linked = Head::default();
        for _ in 0..=MAX_REDIRECTS {
            let host = uri.host().unwrap_or_default().to_owned();
            let own = same_origin(&uri, &self.endpoint);
            // Hubs compress nothing large, and a compressed body would have another length than the file.
            let mut request = self.agent.get(uri.clone()).header(ACCEPT_ENCODING, "identity");
            if self.offset > 0 {
                request = request.header(RANGE, format!("bytes={}-", self.offset));
            }
            if let Some(bearer) = self.bearer.as_deref().filter(|_| own) {
                request = request.header(AUTHORIZATION, bearer);
            }
            let response = request.call().map_err(|error| self.describe(&host, error))?;
            let (parts, body) = response.into_parts();
            if own {
                // The hub tells size and hash in the redirect to its storage host, which knows neither.
                linked.total = linked.total.or_else(|| number(&parts.headers, "x-linked-size"));
                linked.sha256 = linked.sha256.or_else(|| linked_hash(&parts.headers));
            }
            match parts.status.as_u16() {
                301 | 302 | 303 | 307 | 308 => {
                    let target = parts.headers.get(LOCATION).and_then(|value| value.to_str().ok());
                    let target = target.ok_or_else(|| Stop::Final(format!("{host}: a redirect without a target")))?;
                    uri = redirect(&uri, target, &self.endpoint).map_err(Stop::Final)?;
                }
                status @ (200 | 206 | 416) => {
                    let head = head(status, &parts.headers, &linked);
                    return if steps.send(Ok(Step::Head(head))).is_ok() {
                        self.pass_on(&host, body, steps)
                    } else {
                        Ok(())
                    };
                }
                status => return Err(refusal(&host, status)),
            }
        }
        Err(Stop::Final(format!("more than {MAX_REDIRECTS} redirects")))
    }

    fn pass_on(&self, host: &str, body: Body, steps: &SyncSender<Result<Step, Stop>>) -> Result<(), Stop> {
        let mut reader = body.into_reader();
        loop {
            let mut block = vec![0; BLOCK];
            let read = reader.read(&mut block).map_err(|error| self.describe(host, error.into()))?;
            block.truncate(read);
            let step = if read == 0 { Step::End } else { Step::Data(block) };
            if steps.send(Ok(step)).is_err() || read == 0 {
                return Ok(());
            }
        }
    }

    fn describe(&self, host: &str, error: ureq::Error) -> Stop {
        let Network { connect_timeout, read_timeout, .. } = self.network;
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Stop::Unreachable(format!("{host}: no connection within {} s", connect_timeout.as_secs_f32()))
            }
            ureq::Error::Timeout(_) => {
                Stop::Broken(format!("{host}: nothing came for {} s", read_timeout.as_secs_f32()))
            }
            ureq::Error::HostNotFound => Stop::Unreachable(format!("{host}: no such host, or no network")),
            // The standard library gives a failed look-up no kind of its own.
            ureq::Error::Io(error) if error.to_string().contains("failed to lookup address") => {
                Stop::Unreachable(format!("{host}: no such host, or no network"))
            }
            ureq::Error::Io(error) if is_unreachable(error.kind()) => Stop::Unreachable(format!("{host}: {error}")),
            ureq::Error::ConnectionFailed => Stop::Unreachable(format!("{host}: no connection")),
            ureq::Error::ConnectProxyFailed(why) => Stop::Unreachable(format!("{host}: the proxy refused: {why}")),
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Stop::Broken(format!("{host}: the connection was closed early"))
            }
            ureq::Error::Io(error) if is_certificate(&error.to_string()) => untrusted(host, &error.to_string()),
            ureq::Error::Io(error) => Stop::Broken(format!("{host}: {error}")),
            other if is_certificate(&other.to_string()) => untrusted(host, &other.to_string()),
            other => Stop::Final(format!("{host}: {other}")),
        }
    }
}

/// As rustls words it.
fn is_certificate(error: &str) -> bool {
    error.contains("invalid peer certificate")
}

fn untrusted(host: &str, error: &str) -> Stop {
    Stop::Final(format!("{host}: {error}; SSL_CERT_FILE can name the certificates of a network that has its own"))
}

fn agent(network: &Network, endpoint: &Uri) -> Result<Agent, Stop> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(Some(network.connect_timeout))
        .timeout_connect(Some(network.connect_timeout))
        .timeout_recv_response(Some(network.read_timeout))
        .timeout_per_read(Some(network.read_timeout))
        .user_agent(concat!("tanya/", env!("CARGO_PKG_VERSION")));
    if is_loopback(endpoint) {
        // A proxy would look for this host on its own machine.
        config = config.proxy(None);
    }
    if let Some(path) = &network.ca_file {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| Stop::Final(format!("{shown} (SSL_CERT_FILE): {error}")))?;
        let certificates: Vec<_> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(Stop::Final(format!("{shown} (SSL_CERT_FILE): no certificate in it")));
        }
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(certificates)).build());
    }
    Ok(config.build().new_agent())
}

fn head(status: u16, headers: &HeaderMap, linked: &Head) -> Head {
    let (start, ranged) = headers.get(CONTENT_RANGE).and_then(|v| v.to_str().ok()).map_or((0, None), content_range);
    let total = match status {
        200 => number(headers, CONTENT_LENGTH.as_str()),
        _ => ranged,
    };
    Head { status, start, total: linked.total.or(total), sha256: linked.sha256 }
}

/// Start and total of `bytes 5-9/10` or `bytes */10` (RFC 9110, 14.4).
fn content_range(value: &str) -> (u64, Option<u64>) {
    let Some((range, total)) = value.strip_prefix("bytes ").and_then(|value| value.split_once('/')) else {
        // Unreadable: a start that no offset equals, so that the body is not appended anywhere.
        return (u64::MAX, None);
    };
    let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok()).unwrap_or(u64::MAX);
    (start, total.trim().parse().ok())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The hub's `ETag` of a large file is its SHA-256; of a small one it is a git blob's SHA-1, which no parse here accepts.
fn linked_hash(headers: &HeaderMap) -> Option<FileHash> {
    [HeaderName::from_static("x-linked-etag"), ETAG].into_iter().find_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        value.trim_start_matches("W/").trim_matches('"').parse().ok()
    })
}

fn refusal(host: &str, status: u16) -> Stop {
    match status {
        401 | 403 => Stop::Final(format!(
            "{host}: refused ({status}); if the model's page asks to accept its terms, do that there and set HF_TOKEN"
        )),
        404 => Stop::Final(format!("{host}: no such file (404)")),
        408 | 429 | 500..=599 => Stop::Broken(format!("{host}: the server is busy or broken ({status})")),
        _ => Stop::Final(format!("{host}: unexpected answer ({status})")),
    }
}

fn is_unreachable(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind;
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
    )
}

/// Where a redirect leads, if it may be followed.
fn redirect(from: &Uri, target: &str, endpoint: &Uri) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or("https");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let absolute = match target {
        _ if target.starts_with("//") => format!("{scheme}:{target}"),
        _ if target.starts_with('/') => format!("{scheme}://{authority}{target}"),
        _ => target.to_owned(),
    };
    let host = from.host().unwrap_or_default();
    let uri: Uri = absolute.parse().map_err(|_| format!("{host}: a redirect to something that is no address"))?;
    if is_allowed(&uri, endpoint) {
        Ok(uri)
    } else {
        Err(format!("{host}: refused to follow a redirect to {} without encryption", uri.host().unwrap_or("nowhere")))
    }
}

/// https anywhere; http from loopback to loopback.
pub(super) fn is_allowed(uri: &Uri, endpoint: &Uri) -> bool {
    let encrypted = uri.scheme() == Some(&Scheme::HTTPS);
    let local = uri.scheme() == Some(&Scheme::HTTP) && is_loopback(uri) && is_loopback(endpoint);
    (encrypted || local) && uri.host().is_some_and(|host| !host.is_empty())
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 });
    a.scheme() == b.scheme() && a.host().is_some() && a.host() == b.host() && port(a) == port(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn redirects_stay_encrypted_and_off_this_machine() {
        let hub = uri("https://hub.example");
        let from = uri("https://hub.example/a/resolve/main/f?x=1");
        let to = |target: &str| redirect(&from, target, &hub).map(|uri| uri.to_string());
        assert_eq!(to("/api/f").unwrap(), "https://hub.example/api/f");
        assert_eq!(to("//cdn.example/f").unwrap(), "https://cdn.example/f");
        assert_eq!(to("https://cdn.example/f?sig=1").unwrap(), "https://cdn.example/f?sig=1");
        for refused in
            ["http://cdn.example/f", "http://127.0.0.1/f", "http://localhost:8080/", "file:///etc/passwd", "ftp://x/"]
        {
            assert!(to(refused).is_err(), "{refused}");
        }
        let local = uri("http://127.0.0.1:99");
        assert!(redirect(&local, "http://localhost:80/f", &local).is_ok());
        assert!(redirect(&local, "http://hub.example/f", &local).is_err());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = uri("https://hub.example");
        assert!(same_origin(&hub, &uri("https://hub.example:443/x")));
        for other in [
            "http://hub.example",
            "https://hub.example:8443",
            "https://cdn.hub.example",
            "https://hub.example.evil.test",
        ] {
            assert!(!same_origin(&hub, &uri(other)), "{other}");
        }
    }

    #[test]
    fn ranges_and_hashes_of_answers_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), (5, Some(10)));
        assert_eq!(content_range("bytes */10"), (u64::MAX, Some(10)));
        assert_eq!(content_range("bytes 5-9/*"), (5, None));
        assert_eq!(content_range("lines 1-2/3"), (u64::MAX, None));
        let sha256 = FileHash::of_bytes(b"x");
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "\"0123456789abcdef0123456789abcdef01234567\"".parse().unwrap());
        assert_eq!(linked_hash(&headers), None, "a git blob's SHA-1");
        headers.insert("x-linked-etag", format!("\"{sha256}\"").parse().unwrap());
        assert_eq!(linked_hash(&headers), Some(sha256));
    }
}
