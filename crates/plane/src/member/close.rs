//! How a member closes: what is queued is written out, the threads end, the stores are closed. A disk that hangs does not hold that
//! up for ever. Knows nothing of what the threads do.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{is_shortage, Code};

use crate::ground::error::PlaneError;
use crate::health::stalls::Work;
use crate::member::life::Member;

/// How long something may wait for the disk before a close gives up.
const STALL_MAX: Duration = Duration::from_secs(20);
/// A store's last flush writes a memtable, which may be large: it may take so many times as long.
const FLUSH_STALLS_MAX: u32 = 6;
/// How often a close looks whether something waits.
const STALL_LOOK_EVERY: Duration = Duration::from_millis(100);

impl Member {
    /// Stops taking requests, ends the worker's exchange, writes out what is queued, joins the threads, closes the stores.
    /// `IO`: that was given up. `INTERNAL`: a broken invariant ended it.
    pub fn close(self: &Arc<Self>) -> Result<(), PlaneError> {
        self.close_within(STALL_MAX)
    }

    /// As [`Self::close`], but gives up when something waits for the disk for longer than `stall_max`: the member has then
    /// failed, and its directory stays locked, since who waits may go on to write when the disk does.
    pub fn close_within(self: &Arc<Self>, stall_max: Duration) -> Result<(), PlaneError> {
        self.shared.close();
        let (done, ended) = channel::<()>();
        let owner = self.clone();
        let closing = rafterdb_fault::point("thread.start").and_then(|()| {
            std::thread::Builder::new()
                .name("rafterdb-close".to_owned())
                .spawn(move || {
                    owner.finish();
                    // Who closes may have given up.
                    let _ = done.send(());
                })
        });
        if closing.is_err() {
            // A broken invariant is the close's outcome here too, and not the end of whoever closes.
            let finished = catch_unwind(AssertUnwindSafe(|| self.finish()));
            return finished.map_err(|_| self.fail_broken());
        }
        let began = Instant::now();
        loop {
            match ended.recv_timeout(STALL_LOOK_EVERY) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.fail_broken()),
            }
            let hangs = |(work, time): &(Work, Duration)| {
                let factor = if *work == Work::Close { FLUSH_STALLS_MAX } else { 1 };
                *time.min(&began.elapsed()) >= stall_max * factor
            };
            let Some((work, time)) = self.shared.stalls.longest().filter(hangs) else {
                continue;
            };
            let text = format!(
                "closing was given up: {} has taken {} s so far. The data directory stays locked until this process ends",
                work.name(),
                time.as_secs()
            );
            let error = PlaneError::new(Code::Io, text);
            self.fail(error.clone());
            return Err(error);
        }
    }

    /// Fails the member, since closing it panicked; what to tell.
    fn fail_broken(&self) -> PlaneError {
        let text = "closing ended by a broken invariant; its message is in the process's error output. The data directory stays \
                    locked until this process ends";
        let error = PlaneError::new(Code::Internal, text.to_owned());
        self.fail(error.clone());
        error
    }

    /// What kept a last step from being done. Without room the log has it all, and the next start does it.
    fn note_end(&self, ended: Result<(), PlaneError>) {
        match ended {
            Err(error) if is_shortage(error.code) => self.shared.member_log.info(&error.text),
            Err(error) => self.fail(error),
            Ok(()) => {}
        }
    }

    /// Joins the threads and closes the stores.
    fn finish(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // A panicked thread has already failed the member.
            let _ = thread.join();
        }
        for group in &*self.groups {
            let machine = group.machine();
            // With a last flush, the next start has nothing to replay.
            let last = self.failure().is_none().then(|| machine.state());
            let _under_way = self.shared.stalls.begin(Work::Close, Instant::now());
            let closed = rafterdb_fault::point("member.close")
                .map_err(|e| PlaneError::io("close", &e))
                .and_then(|()| Ok(machine.engine().close(last)?));
            self.note_end(closed);
        }
        {
            let _under_way = self.shared.stalls.begin(Work::Close, Instant::now());
            let settled = self.data_dir.settle(self.failure().is_none());
            self.note_end(settled);
        }
        if let Err(error) = rafterdb_fault::point("member.closed") {
            self.fail(PlaneError::io("close", &error));
        }
        self.shared.stalls.close();
        let watcher = self.watchdog.lock().take();
        if let Some(watcher) = watcher {
            let _ = watcher.join();
        }
        self.data_dir.release();
    }
}
