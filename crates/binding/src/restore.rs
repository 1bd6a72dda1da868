//! Data directories in the making: what a backup holds goes in piece by piece, each call on a thread of its own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use napi::bindgen_prelude::{Object, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;
use parking_lot::Mutex;
use rafterdb_codec::Code;
use rafterdb_plane::{Config, MemberRestore, PlaneError};

use crate::error::error_json;
use crate::open_members::next_number;
use crate::promise::on_thread;

type Shared = Arc<Mutex<Option<MemberRestore>>>;

static UNDER_WAY: LazyLock<Mutex<HashMap<u32, Shared>>> = LazyLock::new(Mutex::default);

/// Begins; resolves to JSON: `{"restore": its number}`, or `{"code", "text"}`.
#[napi]
pub fn begin_restore(env: &Env, config: String, revision: f64) -> Result<Object<'_>> {
    on_thread(env, "restore", move || {
        match Config::parse(&config).and_then(|config| MemberRestore::begin(config, revision as u64)) {
            Ok(restore) => {
                let number = next_number();
                UNDER_WAY.lock().insert(number, Arc::new(Mutex::new(Some(restore))));
                format!("{{\"restore\":{number}}}")
            }
            Err(error) => error_json(&error),
        }
    })
}

/// Adds pairs (`to` 0), or makes the changes up to `to` again. Resolves to `{}`, or `{"code", "text"}`.
#[napi]
pub fn add_to_restore(env: &Env, restore: u32, raw: Uint8Array, to: f64) -> Result<Object<'_>> {
    let bytes = raw.to_vec();
    on_thread(env, "restore", move || {
        let added = with(restore, |found| {
            if to == 0.0 {
                found.pairs(&bytes)
            } else {
                found.changes(&bytes, to as u64)
            }
        });
        added.map_or_else(|error| error_json(&error), |()| "{}".to_owned())
    })
}

/// Ends it: from here on a member opens the directory. Resolves to JSON: `{"revision"}`, or `{"code", "text"}`.
#[napi]
pub fn finish_restore(env: &Env, restore: u32, revision: f64, raised: f64) -> Result<Object<'_>> {
    on_thread(env, "restore", move || {
        let finished = take(restore).and_then(|found| found.finish(revision as u64, raised as u64));
        finished.map_or_else(
            |error| error_json(&error),
            |mark| format!("{{\"revision\":{}}}", mark.revision),
        )
    })
}

/// Gives it up: nothing is left of it. Resolves to `{}`.
#[napi]
pub fn abort_restore(env: &Env, restore: u32) -> Result<Object<'_>> {
    on_thread(env, "restore", move || {
        drop(take(restore));
        "{}".to_owned()
    })
}

fn with<T>(
    number: u32,
    work: impl FnOnce(&mut MemberRestore) -> std::result::Result<T, PlaneError>,
) -> std::result::Result<T, PlaneError> {
    let found = UNDER_WAY.lock().get(&number).cloned().ok_or_else(over)?;
    let mut guard = found.lock();
    work(guard.as_mut().ok_or_else(over)?)
}

fn take(number: u32) -> std::result::Result<MemberRestore, PlaneError> {
    let found = UNDER_WAY.lock().remove(&number).ok_or_else(over)?;
    let taken = found.lock().take();
    taken.ok_or_else(over)
}

fn over() -> PlaneError {
    PlaneError::new(Code::Closed, "the restore is over")
}
