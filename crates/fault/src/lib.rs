//! Fault points: named places where a test lets the disk fail or the process die. Always compiled in, so that what is
//! tested is what is shipped; an unarmed point costs one relaxed atomic load. Knows nothing of what the places do.
//!
//! Armed once from `RAFTERDB_FAULTS="wal.sync=error@3,store.flush.installed=abort"`: name, action and the hit it strikes
//! at (the first if not given). `@3` strikes once, `@3+` from the third hit on. Actions: `error` (EIO), `full` (ENOSPC), `full:path` (while there is a file of that name),
//! `abort` (the process ends at that spot, as by `kill -9`), `panic` (an invariant is broken there), `delay:250` (goes on after so many milliseconds), `hang:path`
//! (goes on when there is no file of that name, as a disk does that is frozen and thawed), `pause` (whoever comes there waits
//! until `disarm`: what others do meanwhile then happens between two steps). The names are in [`POINTS`].

#![forbid(unsafe_code)]

mod points;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

pub use points::POINTS;

/// The environment variable that arms points at start.
pub const VARIABLE: &str = "RAFTERDB_FAULTS";

const UNREAD: u8 = 0;
const UNARMED: u8 = 1;
const ARMED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNREAD);
static FAULTS: Mutex<Vec<Fault>> = Mutex::new(Vec::new());
/// Notified when the points are disarmed.
static DISARMED: Condvar = Condvar::new();

/// How often a place that hangs looks whether it may go on.
const HANG_LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Error,
    Full,
    Abort,
    Panic,
    Pause,
    Delay(Duration),
    Hang(PathBuf),
    FullWhile(PathBuf),
}

impl Action {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            None if text == "error" => Self::Error,
            None if text == "full" => Self::Full,
            None if text == "abort" => Self::Abort,
            None if text == "panic" => Self::Panic,
            None if text == "pause" => Self::Pause,
            Some(("delay", ms)) => Self::Delay(Duration::from_millis(ms.parse().ok()?)),
            Some(("full", path)) if !path.is_empty() => Self::FullWhile(path.into()),
            Some(("hang", path)) if !path.is_empty() => Self::Hang(path.into()),
            _ => return None,
        })
    }
}

#[derive(Debug)]
struct Fault {
    name: &'static str,
    action: Action,
    /// The hit it strikes at, from 1.
    strikes_at: u64,
    keeps_striking: bool,
    hits: u64,
}

/// A place that may fail. Returns the error that a test armed for it; a specification in the environment that cannot
/// be read is an `InvalidInput` error at the first point reached.
#[inline]
pub fn point(name: &str) -> io::Result<()> {
    if STATE.load(Ordering::Relaxed) == UNARMED {
        return Ok(());
    }
    strike(name)
}

/// Whether a point of that name is armed: for a place that must go out of its way to be able to fail.
#[inline]
#[must_use]
pub fn is_armed(name: &str) -> bool {
    STATE.load(Ordering::Relaxed) != UNARMED && faults().iter().any(|fault| fault.name == name)
}

/// Reads the environment variable, once; later calls do nothing. Call it at start to report a bad specification early.
pub fn load() -> Result<(), String> {
    if STATE.load(Ordering::Relaxed) != UNREAD {
        return Ok(());
    }
    match std::env::var(VARIABLE) {
        Ok(specification) => arm(&specification).map_err(|reason| format!("{VARIABLE}: {reason}")),
        Err(_) => {
            // Only from UNREAD: a test of another thread may have armed a point in the meantime.
            let _ = STATE.compare_exchange(UNREAD, UNARMED, Ordering::Relaxed, Ordering::Relaxed);
            Ok(())
        }
    }
}

/// Arms the points of a specification, beside those armed before. The points are those of the whole process.
pub fn arm(specification: &str) -> Result<(), String> {
    let parsed = specification
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(parse)
        .collect::<Result<Vec<_>, _>>()?;
    let mut faults = faults();
    faults.extend(parsed);
    STATE.store(if faults.is_empty() { UNARMED } else { ARMED }, Ordering::Relaxed);
    Ok(())
}

/// Disarms every point; who pauses at one goes on.
pub fn disarm() {
    let mut faults = faults();
    faults.clear();
    STATE.store(UNARMED, Ordering::Relaxed);
    DISARMED.notify_all();
}

/// Whether an armed point of that name has struck.
#[must_use]
pub fn has_struck(name: &str) -> bool {
    faults()
        .iter()
        .any(|fault| fault.name == name && fault.hits >= fault.strikes_at)
}

fn faults() -> std::sync::MutexGuard<'static, Vec<Fault>> {
    // The list is whole whatever a panicking holder did: it only pushes, clears or counts.
    FAULTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cold]
fn strike(name: &str) -> io::Result<()> {
    load().map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
    let mut struck = None;
    for fault in faults().iter_mut().filter(|fault| fault.name == name) {
        fault.hits += 1;
        if fault.hits == fault.strikes_at || (fault.keeps_striking && fault.hits > fault.strikes_at) {
            struck = Some(fault.action.clone());
        }
    }
    // The list is free again: while one place hangs, others go on.
    match struck {
        None => Ok(()),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::Panic) => panic!("{name}: armed to panic"),
        Some(Action::Pause) => {
            pause(name);
            Ok(())
        }
        Some(Action::Error) => Err(io::Error::from_raw_os_error(if cfg!(windows) { 1117 } else { 5 })),
        Some(Action::Delay(time)) => {
            std::thread::sleep(time);
            Ok(())
        }
        Some(Action::Hang(file)) => {
            while file.exists() {
                std::thread::sleep(HANG_LOOK_EVERY);
            }
            Ok(())
        }
        Some(Action::FullWhile(file)) if !file.exists() => Ok(()),
        Some(Action::Full | Action::FullWhile(_)) => {
            Err(io::Error::from_raw_os_error(if cfg!(windows) { 112 } else { 28 }))
        }
    }
}

fn pause(name: &str) {
    let pauses = |faults: &mut Vec<Fault>| {
        faults
            .iter()
            .any(|fault| fault.name == name && fault.action == Action::Pause)
    };
    drop(DISARMED.wait_while(faults(), pauses));
}

fn parse(part: &str) -> Result<Fault, String> {
    let (name, rest) = part
        .split_once('=')
        .ok_or_else(|| format!("\"{part}\" is not of the form name=action or name=action@hit"))?;
    let (action, hit) = rest.rsplit_once('@').unwrap_or((rest, "1"));
    let name = POINTS
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == name)
        .ok_or_else(|| {
            let known: Vec<_> = POINTS.iter().map(|(known, _)| *known).collect();
            format!("there is no fault point \"{name}\"; there are {}", known.join(", "))
        })?;
    let action = Action::parse(action).ok_or_else(|| {
        format!(
            "\"{action}\" in \"{part}\" is no action; there are error, full, abort, pause, delay:milliseconds and hang:file"
        )
    })?;
    let (number, keeps_striking) = hit.strip_suffix('+').map_or((hit, false), |number| (number, true));
    let strikes_at = number.parse().ok().filter(|at| *at > 0).ok_or_else(|| {
        format!("\"{hit}\" in \"{part}\" is no hit: a number from 1, with + after it to go on from there")
    })?;
    Ok(Fault {
        name,
        action,
        strikes_at,
        keeps_striking,
        hits: 0,
    })
}
