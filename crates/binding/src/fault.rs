//! Fault points of what is written in TypeScript: the same list, the same switch.

use napi_derive::napi;
use rafterdb_plane::PlaneError;

use crate::error::error_json;

/// A place that may fail, or at which a test ends the process. `null`, or `{"code", "text"}`.
#[napi]
pub fn fault_point(name: String) -> Option<String> {
    let error = rafterdb_fault::point(&name).err()?;
    let code = rafterdb_codec::code_of(&error);
    Some(error_json(&PlaneError::new(code, format!("{name}: {error}"))))
}
