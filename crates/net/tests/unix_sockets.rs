//! A Unix socket is listened on beside TCP or instead of it: clients are served, only this user may connect, and of its file nothing is left,
//! nor does a dead process's stand in the way, nor is a live one's taken away.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "the handler and the waiting are of the test, outside its functions"
)]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_net::{Net, NetError, Parts, RemoteClient, RemoteConfig, RemoteHandler, RemoteMember};
use rafterdb_pool::Slice;
use support::{addresses, config, Recorder};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);

fn start(listen: &[String]) -> Result<(Net, Arc<Recorder>), NetError> {
    let recorder = Arc::new(Recorder::default());
    let mut config = config(1, &listen[..1], &recorder);
    config.listen = listen.to_vec();
    Net::start(config, recorder.clone()).map(|net| (net, recorder))
}

fn refusal(path: &Path) -> NetError {
    start(&[address(path)]).err().expect("a path that cannot be had")
}

fn directory() -> TempDir {
    // Not where TMPDIR says: that may be too deep for a socket.
    tempfile::tempdir_in("/tmp").unwrap()
}

fn address(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// What a client hears.
struct Client(Mutex<Sender<Result<Slice, NetError>>>);

impl RemoteHandler for Client {
    fn connected(&self, _: RemoteMember) {}
    fn frame(&self, body: Slice) {
        self.0.lock().unwrap().send(Ok(body)).unwrap();
    }
    fn lost(&self, error: NetError) {
        let _ = self.0.lock().unwrap().send(Err(error));
    }
}

fn connect(endpoint: &str) -> (RemoteClient, Receiver<Result<Slice, NetError>>) {
    let (sender, heard) = channel();
    let config = RemoteConfig {
        endpoint: endpoint.to_owned(),
        timeout: PATIENCE,
        ..RemoteConfig::default()
    };
    let client = RemoteClient::connect(config, Arc::new(Client(Mutex::new(sender)))).unwrap();
    (client, heard)
}

fn lost(endpoint: &str) -> NetError {
    let (_client, heard) = connect(endpoint);
    heard.recv_timeout(PATIENCE).unwrap().expect_err("nobody is there")
}

/// Sends a submission, and gets what the member sends back.
fn is_served(net: &Net, recorder: &Recorder, endpoint: &str, text: &str) {
    let (client, heard) = connect(endpoint);
    assert!(client.send(Parts::new(text.as_bytes().to_vec())));
    let started = std::time::Instant::now();
    let from = loop {
        let seen = recorder.seen.lock().unwrap();
        if let Some((from, _)) = seen.submissions.iter().find(|(_, body)| body[..] == *text.as_bytes()) {
            break *from;
        }
        drop(seen);
        assert!(started.elapsed() < PATIENCE, "{endpoint}: no submission arrived");
        thread::sleep(Duration::from_millis(1));
    };
    assert!(net.send_client(from, Parts::new(format!("{text}, answered").into_bytes())));
    let answer = heard.recv_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(&answer[..], format!("{text}, answered").as_bytes());
}

#[test]
fn clients_are_served_over_it_beside_tcp_and_alone() {
    let dir = directory();
    let socket = address(&dir.path().join("a.sock"));
    let tcp = addresses(1).remove(0);
    let (net, recorder) = start(&[tcp.clone(), socket.clone()]).unwrap();
    assert_eq!(net.listening(), [tcp.clone(), socket.clone()]);
    is_served(&net, &recorder, &socket, "over a file");
    is_served(&net, &recorder, &tcp, "over a port");
    net.close();
    let (net, recorder) = start(std::slice::from_ref(&socket)).unwrap();
    assert_eq!((net.local_addr(), net.listening().len()), (None, 1));
    is_served(&net, &recorder, &socket, "alone");
}

#[test]
fn its_file_is_of_this_user_alone_and_goes_with_it() {
    let dir = directory();
    let path = dir.path().join("a.sock");
    let (net, _recorder) = start(&[address(&path)]).unwrap();
    let file = fs::metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    net.close();
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_start_that_fails_leaves_no_file() {
    let dir = directory();
    let path = dir.path().join("a.sock");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let error = start(&[address(&path), port]).err().unwrap();
    assert_eq!((error.code, path.exists()), (Code::PortInUse, false));
}

#[test]
fn what_a_dead_process_left_is_replaced() {
    let dir = directory();
    let path = dir.path().join("a.sock");
    // The standard library leaves the file where it is, as a kill does.
    drop(UnixListener::bind(&path).unwrap());
    assert!(lost(&address(&path)).text.contains("a.sock"));
    let (net, recorder) = start(&[address(&path)]).unwrap();
    is_served(&net, &recorder, &address(&path), "after it");
}

#[test]
fn a_live_one_is_left_alone() {
    let dir = directory();
    let path = dir.path().join("a.sock");
    let (net, recorder) = start(&[address(&path)]).unwrap();
    let error = refusal(&path);
    assert_eq!(error.code, Code::PortInUse);
    assert!(error.text.contains(&address(&path)), "{}", error.text);
    is_served(&net, &recorder, &address(&path), "still");
    // And one of a program that takes no connections.
    let foreign = dir.path().join("b.sock");
    let listener = UnixListener::bind(&foreign).unwrap();
    assert_eq!(refusal(&foreign).code, Code::PortInUse);
    drop(listener);
}

#[test]
fn of_many_that_start_at_once_one_listens() {
    for round in 0..20 {
        let dir = directory();
        let path = dir.path().join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        let together = Barrier::new(6);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        start(&[address(&path)])
                    })
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let codes: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(codes.iter().all(|error| error.code == Code::PortInUse), "{codes:?}");
        assert_eq!(codes.len(), 5, "round {round}: one listens");
        for (net, recorder) in outcomes.iter().flatten() {
            is_served(net, recorder, &address(&path), "the one");
        }
    }
}

#[test]
fn a_file_that_took_its_place_stays_when_it_closes() {
    let dir = directory();
    let path = dir.path().join("a.sock");
    let (net, _recorder) = start(&[address(&path)]).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    net.close();
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn what_is_no_socket_and_what_has_no_directory_is_told_by_name() {
    let dir = directory();
    let file = dir.path().join("notes.txt");
    fs::write(&file, "mine").unwrap();
    let nowhere = dir.path().join("missing/a.sock");
    let long: PathBuf = dir.path().join("x".repeat(100));
    for (path, says) in [
        (&file, "not a socket"),
        (&nowhere, "missing/a.sock"),
        (&long, "at most 103"),
    ] {
        let error = refusal(path);
        assert_eq!(error.code, Code::AddressInvalid, "{error}");
        assert!(
            error.text.contains(says) && error.text.contains(&address(path)),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(lost(&address(&long)).code, Code::AddressInvalid);
    let error = lost(&address(&nowhere));
    assert_eq!(error.code, Code::Unreachable);
    assert!(error.text.contains(&address(&nowhere)), "{error}");
    assert_eq!(lost("unix//a.sock").code, Code::AddressInvalid);
}
