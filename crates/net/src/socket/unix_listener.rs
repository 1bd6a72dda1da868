//! A Unix socket that listens, and its file: made under a lock of its directory, taken away when it listens no more. A file that a dead
//! process left is replaced; one at which somebody listens never is. Knows nothing of what connects.
//!
//! Two members may be started with one path. All that looks at the file and replaces it happens under an exclusive lock of its
//! directory: whoever comes second finds a socket that takes connections. Nobody else takes the file of a live socket away, so to take
//! one's own away while one still listens needs no lock.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::runtime::Runtime;

use super::listening::{cannot_listen, in_use, BACKLOG};
use super::{Endpoint, Origin, Socket};
use crate::error::NetError;

/// Who may connect: this user. Clients prove nothing, so the file's mode is all that keeps others away; whoever wants more users sets
/// another mode once the member listens.
const MODE: u32 = 0o600;

/// How long another process may take to make its socket in the same directory.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(2);

/// In this order: the file goes while the socket still listens.
pub(crate) struct UnixSocketListener {
    _file: SocketFile,
    listener: UnixListener,
    address: Arc<str>,
}

impl UnixSocketListener {
    /// Listens on a path. Errors: `PORT_IN_USE`, `ADDRESS_INVALID`, `IO`.
    pub(super) fn bind(runtime: &Runtime, path: &Path) -> Result<Self, NetError> {
        let endpoint = Endpoint::Unix(path.to_owned());
        let failed = |error: io::Error| cannot_listen(&endpoint, &error);
        let directory = path.parent().unwrap_or(Path::new("/"));
        let _locked = lock(directory, &endpoint)?;
        clear(runtime, path, &endpoint)?;
        let _entered = runtime.enter();
        let socket = UnixSocket::new_stream().map_err(failed)?;
        socket.bind(path).map_err(failed)?;
        let file = SocketFile::of(path).map_err(failed)?;
        // Nobody can connect before it listens, so there is no moment at which others could.
        fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(failed)?;
        Ok(Self {
            _file: file,
            listener: socket.listen(BACKLOG).map_err(failed)?,
            address: endpoint.to_string().into(),
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<(Socket, Origin)> {
        let (stream, _) = self.listener.accept().await?;
        Ok((Socket::Unix(stream), Origin::Unix(self.address.clone())))
    }
}

/// Locks a directory until the file is dropped.
fn lock(directory: &Path, on: &Endpoint) -> Result<File, NetError> {
    let file = File::open(directory).map_err(|error| cannot_listen(on, &error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(cannot_listen(on, &error)),
            Err(TryLockError::WouldBlock) if since.elapsed() >= LOCK_TIMEOUT => {
                let text = format!(
                    "cannot listen on {on}: another process has had {} locked for {} ms; try again, or choose another directory",
                    directory.display(),
                    since.elapsed().as_millis()
                );
                return Err(NetError::new(Code::Io, text));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
        }
    }
}

/// Takes away the socket that a dead process left at a path, under the directory's lock. What is no socket, or is in use, stays.
fn clear(runtime: &Runtime, path: &Path, endpoint: &Endpoint) -> Result<(), NetError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot_listen(endpoint, &error)),
        Ok(found) if !found.file_type().is_socket() => {
            let error = io::Error::new(ErrorKind::AlreadyExists, "what is there is not a socket");
            return Err(cannot_listen(endpoint, &error));
        }
        Ok(_) => {}
    }
    match runtime.block_on(UnixStream::connect(path)) {
        // A full backlog, too, is somebody's.
        Ok(_) => Err(in_use(endpoint)),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot_listen(endpoint, &error)),
            _ => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => Err(in_use(endpoint)),
    }
}

/// The file of a socket that was bound here. Dropped, it takes the file away, unless another is in its place.
struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // What stays is taken for a dead process's by whoever listens there next.
            let _ = fs::remove_file(&self.path);
        }
    }
}
