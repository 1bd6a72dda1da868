//! Prints nanoseconds per operation of the engine, one writer thread, 256-byte values.
//! `cargo run --release -p rafterdb-store --example engine_speed -- [directory [keys]]`

use std::path::Path;
use std::time::{Duration, Instant};

use rafterdb_store::{
    skips_after, Engine, EngineOptions, KeyRange, LsmEngine, Mark, RowRef, Skips, StoreError, Value, Visit,
};

const VALUE_BYTES: usize = 256;

/// A writer as the state machine is one: it looks at the latest version, then writes the next.
struct Writer<'e> {
    engine: &'e LsmEngine,
    revision: u64,
    flushing: Duration,
}

impl Writer<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.revision += 1;
        let mut skips = Skips::default();
        let mut row = RowRef {
            create: self.revision,
            modified: self.revision,
            version: 1,
            lease: 0,
            previous: 0,
            skips: &[],
            value: Value::of(value),
        };
        self.engine.latest(key, &mut |latest| {
            row.create = latest.create;
            row.version = latest.version + 1;
            row.previous = latest.modified;
            skips = skips_after(&latest, row.modified, row.version, 0).unwrap_or_default();
        })?;
        row.skips = skips.as_bytes();
        self.engine.write(key, 0, row)?;
        if self.engine.is_full() {
            let begin = Instant::now();
            self.engine.rotate(self.mark(), Vec::new())?;
            self.flushing += begin.elapsed();
        }
        Ok(())
    }

    fn mark(&self) -> Mark {
        Mark {
            index: self.revision,
            term: 1,
            revision: self.revision,
        }
    }
}

fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key-000000000000";
    let mut rest = number;
    for at in (4..16).rev() {
        key[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
}

fn value(state: &mut u64) -> [u8; VALUE_BYTES] {
    let mut value = [0; VALUE_BYTES];
    for chunk in value.chunks_mut(8) {
        chunk.copy_from_slice(&random(state).to_le_bytes());
    }
    value
}

/// Time on the clock, and on this thread's processor: they differ on a busy machine.
#[derive(Clone, Copy)]
struct Stopwatch {
    begin: Instant,
    cpu: u64,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            begin: Instant::now(),
            cpu: thread_cpu_nanoseconds(),
        }
    }

    fn report(self, what: &str, count: u64) {
        let per = |nanoseconds: u64| nanoseconds as f64 / count as f64;
        println!(
            "{what:<56} {:>8.0} ns, on the processor {:>8.0} ns",
            per(self.begin.elapsed().as_nanos() as u64),
            per(thread_cpu_nanoseconds() - self.cpu)
        );
    }
}

fn thread_cpu_nanoseconds() -> u64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0)
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn run(directory: &Path, keys: u64, puts: u64, memory_bytes: u64) -> Result<(), StoreError> {
    let options = EngineOptions {
        memory_bytes,
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory, options)?;
    let mut state = 88_172_645_463_325_252;
    let mut writer = Writer {
        engine: &engine,
        revision: 0,
        flushing: Duration::ZERO,
    };
    println!("{keys} keys, {} MiB of memory", memory_bytes >> 20);
    let values: Vec<_> = (0..64).map(|_| value(&mut state)).collect();
    let mut timed_puts = |what: &str, count: u64, next: &mut dyn FnMut(u64) -> u64| -> Result<(), StoreError> {
        let begin = Stopwatch::start();
        for at in 0..count {
            writer.put(&key(next(at)), &values[at as usize % values.len()])?;
        }
        begin.report(what, count);
        let waited = std::mem::take(&mut writer.flushing);
        println!(
            "  of this, waiting for flushes {:.0} ns",
            waited.as_nanos() as f64 / count as f64
        );
        Ok(())
    };
    timed_puts("put of new keys, in a scattered order", keys, &mut |at| {
        at * 7_919 % keys
    })?;
    if puts > 0 {
        timed_puts("put of random keys", puts, &mut |_| random(&mut state) % keys)?;
    }
    let revision = writer.revision;
    let mark = writer.mark();
    timed_reads(&engine, keys, revision, &mut state)?;
    let stats = engine.stats();
    let stored = revision * (VALUE_BYTES + 16) as u64;
    let written = stats.tables_written_bytes + stats.history_written_bytes;
    println!(
        "bytes written per byte put {:.1}; {stats:?}",
        written as f64 / stored as f64
    );
    let begin = Instant::now();
    engine.close(Some((mark, Vec::new())))?;
    drop(engine);
    println!("close {:?}", begin.elapsed());
    let begin = Instant::now();
    let options = EngineOptions {
        memory_bytes,
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory, options)?;
    println!(
        "open {:?}; peak resident memory {} MiB\n",
        begin.elapsed(),
        resident_mib()
    );
    engine.close(None)
}

fn timed_reads(engine: &LsmEngine, keys: u64, revision: u64, state: &mut u64) -> Result<(), StoreError> {
    let count = 300_000;
    let begin = Stopwatch::start();
    for _ in 0..count {
        engine.get(&key(random(state) % keys), revision, &mut |_| {})?;
    }
    begin.report("get of random keys", count);
    let begin = Stopwatch::start();
    for at in 0..count {
        engine.get(&key(at % 1_000), revision, &mut |_| {})?;
    }
    begin.report("get of a thousand keys over and over", count);
    let everything = KeyRange { start: b"", end: None };
    for what in ["scan of all keys, the first time", "scan of all keys, again"] {
        let mut rows = 0;
        let begin = Stopwatch::start();
        engine.scan(everything, revision, false, &mut |_, _| {
            rows += 1;
            Visit::Next
        })?;
        begin.report(what, rows);
    }
    let (count, back) = (3_000, revision - revision / 4);
    let begin = Stopwatch::start();
    for _ in 0..count {
        engine.get(&key(random(state) % keys), back, &mut |_| {})?;
    }
    begin.report("get of random keys, a quarter of the revisions ago", count);
    Ok(())
}

/// One key of which there are many versions: what its puts pay, and what looking back at it does.
fn hot_key(directory: &Path) -> Result<(), StoreError> {
    const VERSIONS: u64 = 8_000;
    let (engine, _) = LsmEngine::open(directory, EngineOptions::default())?;
    let mut writer = Writer {
        engine: &engine,
        revision: 0,
        flushing: Duration::ZERO,
    };
    let begin = Stopwatch::start();
    for _ in 0..VERSIONS {
        writer.put(b"hot", &[7; VALUE_BYTES])?;
    }
    begin.report("put of one key", VERSIONS);
    let begin = Stopwatch::start();
    for at in (1..VERSIONS).step_by(80) {
        engine.get(b"hot", at, &mut |_| {})?;
    }
    begin.report("get of that key at revisions of all ages", VERSIONS / 80);
    let begin = Stopwatch::start();
    for modified in (2..=VERSIONS).step_by(80) {
        engine.replaced(b"hot", modified, modified - 1, &mut |_| {})?;
    }
    begin.report("previous version of changes of all ages", VERSIONS / 80);
    println!("history {} bytes", engine.stats().history_disk_bytes);
    engine.close(None)
}

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "engine-speed-data".into());
    let only: Option<u64> = arguments.next().and_then(|keys| keys.parse().ok());
    let sizes = [(10_000, 400_000), (100_000, 800_000), (1_000_000, 1_500_000)];
    // Another number of keys is just loaded: to see how memory behaves.
    let chosen = match only {
        None => sizes.to_vec(),
        Some(only) => vec![sizes.into_iter().find(|(keys, _)| *keys == only).unwrap_or((only, 0))],
    };
    hot_key(&Path::new(&directory).join("hot"))?;
    let _ = std::fs::remove_dir_all(&directory);
    for (keys, puts) in chosen {
        let directory = Path::new(&directory).join(keys.to_string());
        let _ = std::fs::remove_dir_all(&directory);
        run(&directory, keys, puts, 512 << 20)?;
        let _ = std::fs::remove_dir_all(&directory);
    }
    Ok(())
}
