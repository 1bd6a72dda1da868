//! Counts heap allocations by thread, and samples where they come from, for bench/allocations.mjs. Only in builds with the
//! feature `count-allocations`. Knows nothing of who allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::LazyLock;

use napi_derive::napi;
use parking_lot::Mutex;
use serde_json::{json, Value};

/// Threads counted one by one; what comes after shares the last place.
const THREADS_MAX: usize = 256;

/// Frames kept of a sampled allocation, from the allocator outwards.
const FRAMES_MAX: usize = 48;

/// Lines of this project that a site shows, the innermost first.
const LINES_SHOWN: usize = 4;

/// What one thread has allocated since the last look.
struct Place {
    thread: AtomicU32,
    allocations: AtomicU64,
    bytes: AtomicU64,
}

static PLACES: [Place; THREADS_MAX] = [const {
    Place {
        thread: AtomicU32::new(0),
        allocations: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    }
}; THREADS_MAX];
static PLACES_USED: AtomicUsize = AtomicUsize::new(0);

/// Return addresses of an allocation, padded with zeros.
type Stack = [usize; FRAMES_MAX];

/// Samples and bytes, by place of the thread and stack.
type Sites = HashMap<(usize, Stack), (u64, u64)>;

static SITES: LazyLock<Mutex<Sites>> = LazyLock::new(Mutex::default);

/// Of how many allocations of a thread one is sampled; 0: none.
static SAMPLE_EVERY: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Place of this thread + 1; 0: it has none yet.
    static PLACE: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread is counting: what the counting itself allocates does not count.
    static COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// This thread counts, until this goes; also if that panics.
struct Uncounted;

impl Uncounted {
    fn begin() -> Self {
        COUNTING.set(true);
        Self
    }
}

impl Drop for Uncounted {
    fn drop(&mut self) {
        COUNTING.set(false);
    }
}

struct Counting;

#[global_allocator]
static COUNTING_ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(start, layout, bytes) }
    }
}

fn count(bytes: usize) {
    let place = PLACE.get();
    let at = if place == 0 { take_place() } else { place - 1 };
    if COUNTING.get() {
        return;
    }
    let before = PLACES[at].allocations.fetch_add(1, Ordering::Relaxed);
    PLACES[at].bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    let every = SAMPLE_EVERY.load(Ordering::Relaxed);
    if every != 0 && before.is_multiple_of(every) {
        let _uncounted = Uncounted::begin();
        sample(at, bytes);
    }
}

/// Gives this thread a place of its own, while there are any.
fn take_place() -> usize {
    let at = PLACES_USED.fetch_add(1, Ordering::Relaxed).min(THREADS_MAX - 1);
    PLACES[at].thread.store(thread_number(), Ordering::Relaxed);
    PLACE.set(at + 1);
    at
}

/// The system's number of this thread; 0 where it has none.
#[cfg(target_os = "linux")]
fn thread_number() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    u32::try_from(unsafe { libc::gettid() }).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
const fn thread_number() -> u32 {
    0
}

#[cfg(target_os = "linux")]
fn thread_name(thread: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
    name.map_or_else(|_| "ended".to_owned(), |name| name.trim_end().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn thread_name(_: u32) -> String {
    "thread".to_owned()
}

fn sample(place: usize, bytes: usize) {
    let mut stack = [0; FRAMES_MAX];
    let mut used = 0;
    backtrace::trace(|frame| {
        stack[used] = frame.ip() as usize;
        used += 1;
        used < FRAMES_MAX
    });
    let mut sites = SITES.lock();
    let site = sites.entry((place, stack)).or_default();
    site.0 += 1;
    site.1 += bytes as u64;
}

/// The innermost lines of this project on a stack; before them that of a library which allocated for it.
fn describe(stack: &Stack) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut library = None;
    for ip in stack.iter().take_while(|ip| **ip != 0) {
        // A return address is after its call, which may be another line.
        backtrace::resolve((*ip - 1) as *mut c_void, |symbol| {
            let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) else {
                return;
            };
            let file = file.to_string_lossy();
            let ours = file.rsplit_once("/crates/").map(|(_, path)| format!("{path}:{line}"));
            let theirs = || {
                file.rsplit_once("/src/")
                    .map(|(of, path)| format!("{}/{path}:{line}", last_part(of)))
            };
            match ours {
                Some(place) if place.starts_with("binding/src/allocations.rs") => {}
                Some(place) if lines.len() < LINES_SHOWN => lines.push(place),
                None if lines.is_empty() && library.is_none() && is_library(&file) => library = theirs(),
                _ => {}
            }
        });
    }
    library.into_iter().chain(lines).collect::<Vec<_>>().join(" < ")
}

/// Whether a file is of a crate that is neither of this project nor Rust's own, nor looks at stacks.
fn is_library(file: &str) -> bool {
    file.contains("/registry/") && !file.contains("/backtrace-")
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Samples one of so many allocations of each thread from now on; 0: none.
#[napi]
pub fn sample_allocations(every: u32) {
    SAMPLE_EVERY.store(u64::from(every), Ordering::Relaxed);
}

/// What was allocated since the last call, as JSON:
/// `{"threads": [{"thread", "name", "allocations", "bytes"}], "sites": [{"thread", "name", "site", "samples", "bytes"}]}`.
#[napi]
pub fn allocation_counters() -> String {
    let _uncounted = Uncounted::begin();
    let used = PLACES_USED.load(Ordering::Relaxed).min(THREADS_MAX);
    let names: Vec<String> = PLACES[..used]
        .iter()
        .map(|place| thread_name(place.thread.load(Ordering::Relaxed)))
        .collect();
    let threads: Vec<Value> = PLACES[..used]
        .iter()
        .zip(&names)
        .map(|(place, name)| {
            json!({
                "thread": place.thread.load(Ordering::Relaxed),
                "name": name,
                "allocations": place.allocations.swap(0, Ordering::Relaxed),
                "bytes": place.bytes.swap(0, Ordering::Relaxed),
            })
        })
        .collect();
    // In a statement of its own, so that no thread that samples waits while stacks are described.
    let taken = std::mem::take(&mut *SITES.lock());
    let sites: Vec<Value> = taken
        .iter()
        .map(|((place, stack), (samples, bytes))| {
            let thread = PLACES[*place].thread.load(Ordering::Relaxed);
            json!({
                "thread": thread,
                "name": names.get(*place),
                "site": describe(stack),
                "samples": samples,
                "bytes": bytes,
            })
        })
        .collect();
    json!({ "threads": threads, "sites": sites }).to_string()
}
