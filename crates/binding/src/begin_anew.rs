//! A cluster begins anew with one of its members: a call on a thread of its own.

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use rafterdb_plane::Config;

use crate::error::error_json;
use crate::promise::on_thread;

/// As `begin_anew` of crates/plane. Resolves to JSON: `BegunAnew`, or `{"code", "text"}`.
#[napi]
pub fn begin_anew(env: &Env, config: String, raise_to: f64, only_look: bool) -> Result<Object<'_>> {
    on_thread(env, "recover", move || {
        let begun =
            Config::parse(&config).and_then(|config| rafterdb_plane::begin_anew(config, raise_to as u64, only_look));
        begun.map_or_else(|error| error_json(&error), |begun| begun.json())
    })
}
