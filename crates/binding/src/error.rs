//! How an error of the plane crosses to JavaScript, where a promise resolves with it.

use rafterdb_plane::PlaneError;

/// An error as JSON: `{"code": …, "text": …}`.
pub fn error_json(error: &PlaneError) -> String {
    rafterdb_plane::json(&[("code", error.code.name()), ("text", &error.text)])
}
