//! What an environment of Node opened and has not closed. A worker's may end at any time, by `terminate()` or by what is thrown in it,
//! and its process goes on: then its members are closed, so that their threads end and their directories are free. Knows no calls.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use napi::{Env, Result};
use parking_lot::{Condvar, Mutex};

use crate::open_members::forget;

/// How long each member that is closed with its environment may wait for a disk that hangs, and all that are being opened together:
/// the end of the worker waits for it.
const CLOSE_STALL_MAX: Duration = Duration::from_secs(5);

#[derive(Default)]
struct State {
    ended: bool,
    members: Vec<u32>,
    /// Opens under way.
    opening: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when no open is under way any more.
    opened: Condvar,
}

/// The members that one environment has opened.
#[derive(Clone, Default)]
pub struct Environment(Arc<Shared>);

/// An open that is under way, from its call until its member is listed, closed again, or was not opened.
pub struct Opening(Environment);

impl Opening {
    /// The member was opened: closed at once if the environment has ended meanwhile.
    pub fn opened(&self, member: u32) {
        let mut state = self.0 .0.state.lock();
        if state.ended {
            drop(state);
            close(member);
        } else {
            state.members.push(member);
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let shared = &self.0 .0;
        shared.state.lock().opening -= 1;
        shared.opened.notify_all();
    }
}

thread_local! {
    /// A thread has one environment at a time.
    static CURRENT: RefCell<Option<Environment>> = const { RefCell::new(None) };
}

impl Environment {
    /// That of the calling thread, whose end is seen from the first call on.
    pub fn current(env: &Env) -> Result<Self> {
        CURRENT.with_borrow_mut(|current| {
            if let Some(environment) = current {
                return Ok(environment.clone());
            }
            let environment = Self::default();
            env.add_env_cleanup_hook(environment.clone(), |environment| {
                CURRENT.take();
                environment.end();
            })?;
            Ok(current.insert(environment).clone())
        })
    }

    /// An open begins. Its directory is free, or it is listed, once that is dropped.
    pub fn opening(&self) -> Opening {
        self.0.state.lock().opening += 1;
        Opening(self.clone())
    }

    fn end(&self) {
        let members = {
            let mut state = self.0.state.lock();
            state.ended = true;
            std::mem::take(&mut state.members)
        };
        members.into_iter().for_each(close);
        // Who hears of the end may open the same directories at once: what is being opened is closed by then, too.
        let deadline = Instant::now() + CLOSE_STALL_MAX;
        let mut state = self.0.state.lock();
        while state.opening > 0 && !self.0.opened.wait_until(&mut state, deadline).timed_out() {}
    }
}

/// A member was closed by the calling thread.
pub fn closed(member: u32) {
    CURRENT.with_borrow(|current| {
        if let Some(environment) = current {
            environment.0.state.lock().members.retain(|other| *other != member);
        }
    });
}

fn close(member: u32) {
    if let Some(member) = forget(member) {
        // Nobody is left to be told; a member that hangs has said so in its log.
        let _ = member.close_within(CLOSE_STALL_MAX);
    }
}
