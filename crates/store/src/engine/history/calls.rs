//! What those who add to history, write it and sync it tell one another: that there is something to write, and what has been written and not synced.
//! Knows no records.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Files that the next sync is to sync, beside the one being written.
#[derive(Default)]
pub(super) struct Unsynced {
    pub(super) files: Vec<(PathBuf, Arc<File>)>,
    pub(super) directory: bool,
}

/// How the thread that writes is called.
#[derive(Default)]
pub(super) struct Calls {
    call: Mutex<Call>,
    called: Condvar,
}

#[derive(Default)]
struct Call {
    is_due: bool,
    is_over: bool,
}

impl Calls {
    /// There is something to write.
    pub(super) fn call(&self) {
        self.call.lock().is_due = true;
        self.called.notify_one();
    }

    /// Waits for a call; `false` when it is over.
    pub(super) fn wait(&self) -> bool {
        let mut call = self.call.lock();
        while !call.is_due && !call.is_over {
            self.called.wait(&mut call);
        }
        call.is_due = false;
        !call.is_over
    }

    /// Nobody waits for a call any more.
    pub(super) fn end(&self) {
        self.call.lock().is_over = true;
        self.called.notify_all();
    }
}
