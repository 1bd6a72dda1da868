//! Ports: an app's way to a member in this process, or over TCP to one elsewhere. The same three calls for both.

use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{AsyncTask, FnArgs, Function, Uint8ArraySlice};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status, Task};
use napi_derive::napi;
use parking_lot::Mutex;
use rafterdb_codec::Code;
use rafterdb_net::{NetError, Parts, RemoteClient, RemoteConfig, RemoteHandler, RemoteMember};
use rafterdb_plane::{Member, PlaneError, Port};
use rafterdb_pool::Slice;

use crate::member::{error_json, find};

type Notify = ThreadsafeFunction<(), (), (), Status, false, true>;
type Lost = ThreadsafeFunction<FnArgs<(String, String)>, (), FnArgs<(String, String)>, Status, false, true>;

/// Number of an error code as `submit` returns it.
fn number(code: Code) -> i64 {
    i64::from(code as u16)
}

/// A port to a member in this process.
#[napi]
pub struct LocalPort {
    member: Arc<Member>,
    port: Arc<Port>,
}

#[napi]
impl LocalPort {
    /// Opens a port; `notify` is called when responses wait.
    #[napi(constructor)]
    pub fn new(member: u32, notify: Function<'_, (), ()>) -> Result<Self> {
        let member = find(member)?;
        let notify: Notify = notify
            .build_threadsafe_function()
            .callee_handled::<false>()
            .weak::<true>()
            .build()?;
        let port = member.port(Box::new(move || {
            notify.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }));
        Ok(Self { member, port })
    }

    /// Hands over `length` bytes of requests. 0, or the number of an error code: nothing was taken.
    #[napi]
    pub fn submit(&self, buffer: &[u8], length: u32) -> i64 {
        match self.member.submit(&self.port, &buffer[..length as usize]) {
            Ok(()) => 0,
            Err(code) => number(code),
        }
    }

    /// Copies whole responses into `into`. Bytes copied; 0: none wait; −n: the first needs n bytes.
    #[napi]
    pub fn drain(&self, mut into: Uint8ArraySlice<'_>) -> i64 {
        // SAFETY: the array is the caller's, on this thread, and no JavaScript runs before this returns.
        self.member.drain(&self.port, unsafe { into.as_mut() })
    }

    /// Nothing is delivered any more; watches of this port end.
    #[napi]
    pub fn close(&self) {
        self.member.close_port(&self.port);
    }
}

/// A port to a member elsewhere.
#[napi]
pub struct RemotePort {
    port: Arc<Port>,
    client: Mutex<Option<RemoteClient>>,
}

#[napi]
impl RemotePort {
    /// As `LocalPort.submit`.
    #[napi]
    pub fn submit(&self, buffer: &[u8], length: u32) -> i64 {
        let client = self.client.lock();
        let Some(client) = client.as_ref() else {
            return number(Code::Closed);
        };
        if client.send(Parts::with_header(&buffer[..length as usize])) {
            0
        } else {
            number(Code::Busy)
        }
    }

    /// As `LocalPort.drain`.
    #[napi]
    pub fn drain(&self, mut into: Uint8ArraySlice<'_>) -> i64 {
        // SAFETY: the array is the caller's, on this thread, and no JavaScript runs before this returns.
        self.port.drain(unsafe { into.as_mut() })
    }

    /// Closes the connection.
    #[napi]
    pub fn close(&self) {
        self.port.close();
        if let Some(client) = self.client.lock().take() {
            client.close();
        }
    }
}

/// What a connection tells: first whether it stands, later that it is lost.
struct Dialed {
    port: Arc<Port>,
    first: Mutex<Option<Sender<std::result::Result<(), NetError>>>>,
    lost: Option<Lost>,
}

impl RemoteHandler for Dialed {
    fn connected(&self, _: RemoteMember) {
        if let Some(first) = self.first.lock().take() {
            // The dialer waits for this, or has ended with its environment.
            let _ = first.send(Ok(()));
        }
    }

    fn frame(&self, body: Slice) {
        self.port.deliver(&body);
    }

    fn lost(&self, error: NetError) {
        if let Some(first) = self.first.lock().take() {
            let _ = first.send(Err(error));
        } else if let Some(lost) = &self.lost {
            let arguments = FnArgs::from((error.code.name().to_owned(), error.text));
            lost.call(arguments, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// Dials a member on a thread of libuv's pool.
pub struct Dial {
    endpoint: String,
    timeout: Duration,
    port: Arc<Port>,
    lost: Option<Lost>,
}

impl Task for Dial {
    type Output = std::result::Result<RemoteClient, PlaneError>;
    type JsValue = napi::Either<RemotePort, String>;

    fn compute(&mut self) -> Result<Self::Output> {
        let (first, outcome) = channel();
        let handler = Dialed {
            port: self.port.clone(),
            first: Mutex::new(Some(first)),
            lost: self.lost.take(),
        };
        let config = RemoteConfig {
            endpoint: self.endpoint.clone(),
            timeout: self.timeout,
            ..RemoteConfig::default()
        };
        let connected = RemoteClient::connect(config, Arc::new(handler)).and_then(|client| {
            let closed = NetError::new(Code::Unreachable, format!("{}: no answer", self.endpoint));
            outcome.recv().unwrap_or(Err(closed)).map(|()| client)
        });
        Ok(connected.map_err(PlaneError::from))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(match output {
            Ok(client) => napi::Either::A(RemotePort {
                port: self.port.clone(),
                client: Mutex::new(Some(client)),
            }),
            Err(error) => napi::Either::B(error_json(&error)),
        })
    }
}

/// Connects to a member. Resolves to a `RemotePort`, or to JSON `{"code", "text"}`.
#[napi]
pub fn dial(
    endpoint: String,
    timeout_ms: f64,
    notify: Function<'_, (), ()>,
    lost: Function<'_, FnArgs<(String, String)>, ()>,
) -> Result<AsyncTask<Dial>> {
    let notify: Notify = notify
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    let lost: Lost = lost
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    let port = Arc::new(Port::new(Box::new(move || {
        notify.call((), ThreadsafeFunctionCallMode::NonBlocking);
    })));
    let timeout = Duration::try_from_secs_f64(timeout_ms.max(0.0) / 1e3).unwrap_or_default();
    Ok(AsyncTask::new(Dial {
        endpoint,
        timeout,
        port,
        lost: Some(lost),
    }))
}
