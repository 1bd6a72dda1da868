//! What frames cost beside raw bytes, from one process to another over 127.0.0.1: this process sends, a child of it receives.
//! `cargo run --release -p rafterdb-bench --example frames_loopback [-- --runs 5 --seconds 1 --json --only net]`
//!
//! - `raw`: writes of 64 KiB of one buffer; reads of 256 KiB into one buffer, dropped, as iperf3 does.
//! - `frames`: frames of 64 KiB through the codec and blocking sockets: checksums on both sides, nothing joined or copied.
//! - `net`: the same frames through crates/net, as a client of a member.
//! - `held`: as `net`, and the receiver holds the last 16 MiB of them, as a member does whose log and memory tail refer to them.
//!
//! The ways take turns, so that all of them meet the same noise; compare by the ratio. On a busy machine the time on the
//! clock says little: the second figure is GB a second of processor time of both processes together (Linux only).

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rafterdb_codec::limits::FRAME_BYTES_MAX;
use rafterdb_codec::Frame;
use rafterdb_net::{
    Client, Handler, Lane, Net, NetConfig, NetError, Parts, RemoteClient, RemoteConfig, RemoteHandler, RemoteMember,
};
use rafterdb_pool::{Buffer, Slice};

const BODY: usize = 64 << 10;
/// What stands before the payload in a body, in a slice of its own, as an append has it.
const HEAD: usize = 68;
/// Frames of one vectored write.
const FRAMES_PER_WRITE: usize = 4;
/// Buffer of the raw receiver.
const READ: usize = 256 << 10;
/// Buffer of the receiver of frames: the part of a frame at its end is moved to its front, which is seldom if it is long.
const FRAMES_READ: usize = 1 << 20;
/// Bodies that the receiver of `held` holds.
const HELD: usize = (16 << 20) / BODY;
const MODES: [&str; 4] = ["raw", "frames", "net", "held"];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str, default: f64| -> Outcome<f64> {
        match arguments.iter().position(|argument| argument == name) {
            Some(at) => Ok(arguments.get(at + 1).ok_or("a flag lacks its number")?.parse()?),
            None => Ok(default),
        }
    };
    if let Some(at) = arguments.iter().position(|argument| argument == "--receive") {
        return receive(arguments.get(at + 1).map_or("", String::as_str));
    }
    let (runs, seconds) = (value("--runs", 5.0)? as usize, value("--seconds", 1.0)?);
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.and_then(|at| arguments.get(at + 1)).map(String::as_str);
    let mut rates = [const { Vec::new() }; MODES.len()];
    for _ in 0..runs.max(1) {
        for (mode, rates) in MODES.iter().zip(&mut rates) {
            if only.is_none_or(|only| only == *mode) {
                rates.push(run(mode, Duration::from_secs_f64(seconds))?);
            }
        }
    }
    report(&rates, arguments.iter().any(|argument| argument == "--json"));
    Ok(())
}

/// GB a second, of one run.
#[derive(Clone, Copy)]
struct Rates {
    wall: f64,
    /// Of processor time.
    sender: f64,
    receiver: f64,
}

fn median(rates: &[Rates], of: impl Fn(&Rates) -> f64) -> f64 {
    let mut sorted: Vec<f64> = rates.iter().map(of).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn report(rates: &[Vec<Rates>; MODES.len()], json: bool) {
    // Of both processes' time together.
    let both = |rates: &Rates| 1.0 / (1.0 / rates.sender + 1.0 / rates.receiver);
    let (raw_wall, raw_cpu) = (median(&rates[0], |rates| rates.wall), median(&rates[0], both));
    for (mode, rates) in MODES.iter().zip(rates).filter(|(_, rates)| !rates.is_empty()) {
        let (wall, cpu) = (median(rates, |rates| rates.wall), median(rates, both));
        let (sender, receiver) = (
            median(rates, |rates| rates.sender),
            median(rates, |rates| rates.receiver),
        );
        let (ratio, cpu_ratio) = (wall / raw_wall, cpu / raw_cpu);
        if json {
            println!(
                r#"{{"mode":"{mode}","gb_per_second":{wall:.3},"ratio":{ratio:.3},"gb_per_cpu_second":{cpu:.3},"cpu_ratio":{cpu_ratio:.3},"sender":{sender:.3},"receiver":{receiver:.3}}}"#
            );
        } else {
            println!(
                "{mode:<7} {wall:>6.2} GB/s ({:>5.1} % of raw)   {cpu:>5.2} GB/CPU-s ({:>5.1} %)   sender {sender:.2}   receiver {receiver:.2}",
                ratio * 100.0,
                cpu_ratio * 100.0
            );
        }
    }
}

/// Nanoseconds for which the threads of this process have run.
fn cpu_nanos() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    texts
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// One child, one connection: bytes of bodies that arrived, and the receiver's time.
fn run(mode: &str, time: Duration) -> Outcome<Rates> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--receive", mode])
        .stdout(Stdio::piped())
        .spawn()?;
    let outcome = send(&mut child, mode, time);
    if outcome.is_err() {
        child.kill()?;
    }
    child.wait()?;
    outcome
}

fn send(child: &mut Child, mode: &str, time: Duration) -> Outcome<Rates> {
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output of the child")?).lines();
    let mut line = || {
        lines
            .next()
            .ok_or("the child has ended")?
            .map_err(Box::<dyn Error>::from)
    };
    let endpoint = line()?;
    let mut body = Buffer::new(BODY);
    body.iter_mut()
        .enumerate()
        .for_each(|(at, byte)| *byte = ((at * 31) >> 3) as u8);
    let body = body.freeze(BODY);
    let (cpu, until) = (cpu_nanos(), Instant::now() + time);
    let sent = match mode {
        "raw" => send_raw(&endpoint, &body, until)?,
        "frames" => send_frames(&endpoint, &body, until)?,
        _ => send_net(&endpoint, &body, until)?,
    };
    let cpu = cpu_nanos() - cpu;
    let mut number = || -> Outcome<u64> { Ok(line()?.parse()?) };
    let (received, nanos, receiver_cpu) = (number()?, number()?, number()?);
    if received != sent {
        return Err(format!("{mode}: {sent} bytes were sent, {received} arrived").into());
    }
    let rate = |nanos: u64| received as f64 / nanos as f64;
    Ok(Rates {
        wall: rate(nanos),
        sender: rate(cpu),
        receiver: rate(receiver_cpu),
    })
}

fn connect(endpoint: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(endpoint)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn send_raw(endpoint: &str, body: &[u8], until: Instant) -> Outcome<u64> {
    let mut stream = connect(endpoint)?;
    let mut sent = 0;
    while Instant::now() < until {
        stream.write_all(body)?;
        sent += body.len() as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

fn send_frames(endpoint: &str, body: &[u8], until: Instant) -> Outcome<u64> {
    let mut stream = connect(endpoint)?;
    let (head, payload) = body.split_at(HEAD);
    let mut sent = 0;
    while Instant::now() < until {
        let mut frames = Vec::with_capacity(FRAMES_PER_WRITE);
        for _ in 0..FRAMES_PER_WRITE {
            frames.push(Frame::new([head, payload])?);
        }
        let mut slices = [IoSlice::new(&[]); 3 * FRAMES_PER_WRITE];
        let used = frames
            .iter()
            .fold(0, |at, frame| at + frame.encode_vectored(0, &mut slices[at..]));
        let mut rest = &mut slices[..used];
        while !rest.is_empty() {
            let written = stream.write_vectored(rest)?;
            IoSlice::advance_slices(&mut rest, written);
        }
        sent += (FRAMES_PER_WRITE * body.len()) as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

/// Tells when the connection stands, and when the member has answered.
struct Told(Mutex<Sender<()>>);

impl Told {
    fn tell(&self) {
        let _ = self.0.lock().map(|sender| sender.send(()));
    }
}

impl RemoteHandler for Told {
    fn connected(&self, _member: RemoteMember) {
        self.tell();
    }
    fn frame(&self, _body: Slice) {
        self.tell();
    }
    fn lost(&self, error: NetError) {
        eprintln!("lost: {error}");
    }
}

fn send_net(endpoint: &str, body: &Slice, until: Instant) -> Outcome<u64> {
    let (sender, told) = channel();
    let config = RemoteConfig {
        endpoint: endpoint.to_owned(),
        ..RemoteConfig::default()
    };
    let client = RemoteClient::connect(config, Arc::new(Told(Mutex::new(sender))))?;
    told.recv_timeout(Duration::from_secs(5))?;
    let mut sent = 0;
    while Instant::now() < until {
        let mut parts = Parts::new(body[..HEAD].to_vec());
        parts.push(body.slice(HEAD..));
        if client.send(parts) {
            sent += body.len() as u64;
        } else {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    // The end: refused while the queue is full.
    while !client.send(Parts::new(vec![0])) {
        std::thread::sleep(Duration::from_micros(200));
    }
    told.recv_timeout(Duration::from_secs(5))?;
    Ok(sent)
}

/// The child: says where it listens, receives, says how many bytes of bodies came and in how many nanoseconds.
fn receive(mode: &str) -> Outcome<()> {
    if mode == "net" || mode == "held" {
        return receive_net(if mode == "held" { HELD } else { 0 });
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let started = Spent::now();
    let bytes = match mode {
        "raw" => receive_raw(stream)?,
        _ => receive_frames(stream)?,
    };
    started.tell(bytes);
    Ok(())
}

/// Where the clocks stood when the first bytes came.
#[derive(Clone, Copy)]
struct Spent(Instant, u64);

impl Spent {
    fn now() -> Self {
        Self(Instant::now(), cpu_nanos())
    }

    /// Tells the parent how much came in which time.
    fn tell(self, bytes: u64) {
        println!("{bytes}\n{}\n{}", self.0.elapsed().as_nanos(), cpu_nanos() - self.1);
    }
}

fn receive_raw(mut stream: TcpStream) -> Outcome<u64> {
    let (mut buffer, mut received) = (vec![0; READ], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(received),
            bytes => received += bytes as u64,
        }
    }
}

fn receive_frames(mut stream: TcpStream) -> Outcome<u64> {
    let (mut buffer, mut received) = (vec![0; FRAMES_READ], 0);
    // What has been read and not cut lies between the two.
    let (mut start, mut end) = (0, 0);
    loop {
        while let Some((body, consumed)) = Frame::decode_from(&buffer[start..end], FRAME_BYTES_MAX)? {
            received += body.len() as u64;
            start += consumed;
        }
        let missing = Frame::missing(&buffer[start..end], FRAME_BYTES_MAX)?;
        if end + missing > buffer.len() {
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
            buffer.resize(buffer.len().max(end + missing), 0);
        }
        match stream.read(&mut buffer[end..])? {
            0 if start == end => return Ok(received),
            0 => return Err("the connection ended in the middle of a frame".into()),
            bytes => end += bytes,
        }
    }
}

/// Counts what a client sends; a frame of one byte is the end, and is answered.
struct Counted {
    /// Told which connection has ended, first by its last frame and then by its close.
    ended: Mutex<Sender<u64>>,
    progress: Mutex<(u64, Option<Spent>)>,
    hold: usize,
    held: Mutex<VecDeque<Slice>>,
}

impl Counted {
    fn hold(&self, body: Slice) {
        let Ok(mut held) = self.held.lock() else { return };
        held.push_back(body);
        let over = held.len().saturating_sub(self.hold);
        held.drain(..over);
    }

    fn end(&self, connection: u64) {
        let _ = self.ended.lock().map(|ended| ended.send(connection));
    }
}

impl Handler for Counted {
    fn peer_frame(&self, _peer: u64, _lane: Lane, _body: Slice) {}
    fn peer_state(&self, _peer: u64, _up: bool, _rtt_micros: u32) {}
    fn client_frame(&self, client: &Client, body: Slice) {
        let Ok(mut progress) = self.progress.lock() else { return };
        let started = *progress.1.get_or_insert_with(Spent::now);
        if body.len() > 1 {
            progress.0 += body.len() as u64;
            self.hold(body);
        } else {
            started.tell(progress.0);
            self.end(client.id());
        }
    }
    fn client_closed(&self, connection: u64) {
        self.end(connection);
    }
}

fn receive_net(hold: usize) -> Outcome<()> {
    let (sender, ended) = channel();
    let handler = Arc::new(Counted {
        ended: Mutex::new(sender),
        progress: Mutex::default(),
        hold,
        held: Mutex::default(),
    });
    let config = NetConfig {
        listen: vec!["127.0.0.1:0".to_owned()],
        roster: 7,
        member_id: 1,
        ..NetConfig::default()
    };
    let net = Net::start(config, handler)?;
    println!("{}", net.local_addr().ok_or("no address")?);
    net.send_client(ended.recv()?, Parts::new(vec![0]));
    ended.recv()?;
    net.close();
    Ok(())
}
