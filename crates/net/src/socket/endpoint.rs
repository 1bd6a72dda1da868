//! Where a socket listens or connects to: `host:port`, or a Unix socket as `unix:/path`. Owns how that is written; opens nothing.

use std::fmt;
use std::path::PathBuf;

use rafterdb_codec::limits::UNIX_PATH_BYTES_MAX;
use rafterdb_codec::Code;

use crate::error::NetError;

/// What a Unix socket's address begins with. A path is absolute, so that it means the same to every process.
const UNIX: &str = "unix:";

/// An address to listen on or to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `host:port`; the host is looked up when it is used.
    Tcp(String),
    /// The absolute path of a Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads an address as people write it. Errors: `ADDRESS_INVALID`.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| path.starts_with('/')) {
            return unix(path);
        }
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_some() {
            return Ok(Self::Tcp(text.to_owned()));
        }
        Err(invalid(format!(
            "{text} is not an address; it must be host:port or unix:/path"
        )))
    }
}

fn unix(path: &str) -> Result<Endpoint, NetError> {
    if cfg!(not(unix)) {
        return Err(invalid(format!(
            "{UNIX}{path}: there are no Unix sockets on this system; give host:port"
        )));
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        return Err(invalid(format!(
            "{UNIX}{path}: the path has {} bytes, a Unix socket's has at most {UNIX_PATH_BYTES_MAX}; choose a shorter one",
            path.len()
        )));
    }
    if path.contains('\0') {
        return Err(invalid(format!("{UNIX}{path}: a path has no zero bytes")));
    }
    Ok(Endpoint::Unix(PathBuf::from(path)))
}

pub(crate) fn invalid(text: String) -> NetError {
    NetError::new(Code::AddressInvalid, text)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let error = Endpoint::parse(text).unwrap_err();
        assert_eq!(error.code, Code::AddressInvalid, "{text}");
        error.text
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["127.0.0.1:7101", "[::1]:0", "db.example:7101", "unix:7101"] {
            assert_eq!(Endpoint::parse(text).unwrap(), Endpoint::Tcp(text.to_owned()));
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_is_an_absolute_path() {
        let text = "unix:/run/rafterdb/a.sock";
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint, Endpoint::Unix(PathBuf::from("/run/rafterdb/a.sock")));
        assert_eq!(endpoint.to_string(), text);
        let longest = format!("unix:/{}", "x".repeat(UNIX_PATH_BYTES_MAX - 1));
        assert!(Endpoint::parse(&longest).is_ok());
        assert!(refusal(&format!("{longest}x")).contains("104 bytes"), "one byte more");
        assert!(refusal("unix:/a\0b").contains("zero"));
    }

    #[test]
    fn what_is_mistyped_is_told_both_forms() {
        for text in [
            "unix//run/a.sock",
            "unix:run/a.sock",
            "/run/a.sock",
            "localhost",
            "localhost:99999",
            "",
        ] {
            assert!(refusal(text).contains("host:port or unix:/path"), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_longest_path_is_one_that_the_system_takes() {
        let path = format!("/{}", "x".repeat(UNIX_PATH_BYTES_MAX - 1));
        assert!(std::os::unix::net::SocketAddr::from_pathname(path).is_ok());
    }
}
