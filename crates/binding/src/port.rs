//! Ports: an app's way to a member in this process, or over TCP to one elsewhere. The same three calls for both.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{FnArgs, Function, Object, ToNapiValue, TypeName};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{sys, Env, JsValue, Result, Status, ValueType};
use napi_derive::napi;
use parking_lot::Mutex;
use rafterdb_codec::{Code, Principal};
use rafterdb_net::{NetError, Parts, RemoteClient, RemoteConfig, RemoteHandler, RemoteMember};
use rafterdb_plane::{Member, PlaneError, Port};
use rafterdb_pool::Slice;

use crate::direct::{hold, Answer, Call, NativeObject, Notifier};
use crate::error::error_json;
use crate::open_members::find;
use crate::promise::Promised;

type Lost = ThreadsafeFunction<FnArgs<(String, String)>, (), FnArgs<(String, String)>, Status, false, true>;

/// An app's way to a member. Its three calls are made once a turn or more often, so they go the direct way.
pub struct AppPort {
    port: Arc<Port>,
    way: Way,
}

enum Way {
    /// A member in this process.
    Here(Arc<Member>),
    /// A connection to one elsewhere.
    There(RemoteClient),
    /// Closed: nothing is held any more, as the holder may live for long.
    Closed,
}

impl NativeObject for AppPort {
    const NAME: &'static str = "port";

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// What a port calls when responses wait.
fn when_responses_wait(notifier: Notifier) -> Box<dyn Fn() + Send + Sync> {
    Box::new(move || notifier.notify())
}

/// `openPort(member, notify)`: a port to a member in this process; `notify` is called when responses wait.
pub fn open_port(call: &Call) -> Answer {
    let member = find(call.u32(0, "member")?)?;
    // SAFETY: the environment and a value of this call.
    let notifier = unsafe { Notifier::new(call.env, call.value(1))? };
    let port = member.port(Principal::ANONYMOUS, when_responses_wait(notifier));
    let way = Way::Here(member);
    Ok(call.hold(AppPort { port, way }))
}

/// `submit(port, buffer, length)`: hands over `length` bytes of requests. 0, or the number of an error code: nothing was taken.
pub fn submit(call: &Call) -> Answer {
    let held = call.held::<AppPort>(0)?;
    let AppPort { port, way } = &*held;
    // SAFETY: an array of this call that is read only.
    let buffer = unsafe { call.byte_view(1, "buffer")?.slice::<u8>() };
    let requests = &buffer[..call.size(2, "length", buffer.len())?];
    let taken = match way {
        Way::Here(member) => member.submit(port, requests),
        Way::Closed => Err(Code::Closed),
        Way::There(client) => match client.send(Parts::with_header(requests)) {
            true => Ok(()),
            false => Err(Code::Busy),
        },
    };
    Ok(call.u32_value(taken.map_or_else(|code| u32::from(code as u16), |()| 0)))
}

/// `drain(port, into)`: copies whole responses. Bytes copied; 0: none wait; −n: the first needs n bytes.
#[allow(clippy::cast_precision_loss, reason = "lengths of memory are far below 2^53")]
pub fn drain(call: &Call) -> Answer {
    let held = call.held::<AppPort>(0)?;
    let AppPort { port, way } = &*held;
    // SAFETY: an array of this call, which nothing else refers to.
    let into = unsafe { call.byte_view(1, "into")?.slice_mut::<u8>() };
    let copied = match way {
        Way::Here(member) => member.drain(port, into),
        Way::There(_) | Way::Closed => port.drain(into),
    };
    Ok(call.float_value(copied as f64))
}

/// `closePort(port)`: nothing is delivered any more, watches of the port end; a connection is closed.
pub fn close_port(call: &Call) -> Answer {
    let mut held = call.held_mut::<AppPort>(0)?;
    let AppPort { port, way } = &mut *held;
    match std::mem::replace(way, Way::Closed) {
        Way::Here(member) => member.close_port(port),
        Way::There(client) => {
            port.close();
            client.close();
        }
        Way::Closed => {}
    }
    Ok(call.nothing())
}

/// What a connection tells: first whether it stands, later that it is lost.
struct Dialed {
    endpoint: String,
    port: Arc<Port>,
    first: Mutex<First>,
    lost: Lost,
}

/// A promise that waits for two: the client, which the dialer has when it has begun to dial, and what comes of that. Either
/// may be the first.
#[derive(Default)]
struct First {
    promised: Option<Promised<Outcome>>,
    client: Option<RemoteClient>,
    outcome: Option<std::result::Result<(), NetError>>,
}

impl Dialed {
    /// MemberLog what there is, and resolves the promise if that was the rest. Whether the promise is kept by this, or waits still.
    fn settle(&self, note: impl FnOnce(&mut First)) -> bool {
        let mut first = self.first.lock();
        note(&mut first);
        let settles = match &first.outcome {
            Some(Ok(())) => first.client.is_some(),
            Some(Err(_)) => true,
            None => return first.promised.is_some(),
        };
        let Some(promised) = (if settles { first.promised.take() } else { None }) else {
            return first.promised.is_some();
        };
        let (client, outcome) = (first.client.take(), first.outcome.take());
        drop(first);
        promised.resolve(match (client, outcome) {
            (Some(client), Some(Ok(()))) => Outcome::Connected(AppPort {
                port: self.port.clone(),
                way: Way::There(client),
            }),
            (_, Some(Err(error))) => Outcome::Failed(error_json(&PlaneError::from(error))),
            _ => {
                let text = format!("{}: no answer", self.endpoint);
                Outcome::Failed(error_json(&PlaneError::new(Code::Unreachable, text)))
            }
        });
        true
    }
}

impl RemoteHandler for Dialed {
    fn connected(&self, _: RemoteMember) {
        self.settle(|first| first.outcome = Some(Ok(())));
    }

    fn frame(&self, body: Slice) {
        self.port.deliver(&body);
    }

    fn lost(&self, error: NetError) {
        let text = error.text.clone();
        if !self.settle(|first| first.outcome = Some(Err(error.clone()))) {
            let arguments = FnArgs::from((error.code.name().to_owned(), text));
            self.lost.call(arguments, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// What dialing comes to.
pub enum Outcome {
    Connected(AppPort),
    Failed(String),
}

impl TypeName for Outcome {
    fn type_name() -> &'static str {
        "port"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ToNapiValue for Outcome {
    unsafe fn to_napi_value(env: sys::napi_env, outcome: Self) -> Result<sys::napi_value> {
        match outcome {
            // SAFETY: as the caller promises.
            Self::Connected(port) => Ok(unsafe { hold(env, port) }),
            // SAFETY: likewise.
            Self::Failed(text) => unsafe { String::to_napi_value(env, text) },
        }
    }
}

/// Connects to a member, on the network's thread. Resolves to a port as of `openPort`, or to JSON `{"code", "text"}`.
#[napi]
pub fn dial<'env>(
    env: &'env Env,
    endpoint: String,
    timeout_ms: f64,
    notify: Function<'_, (), ()>,
    lost: Function<'_, FnArgs<(String, String)>, ()>,
) -> Result<Object<'env>> {
    let lost: Lost = lost
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    // SAFETY: the environment and a value of this call.
    let notifier = unsafe { Notifier::new(env.raw(), notify.raw())? };
    let (promised, promise) = Promised::new(env)?;
    let handler = Arc::new(Dialed {
        endpoint: endpoint.clone(),
        port: Arc::new(Port::new(Principal::ANONYMOUS, when_responses_wait(notifier))),
        first: Mutex::new(First {
            promised: Some(promised),
            ..First::default()
        }),
        lost,
    });
    let config = RemoteConfig {
        endpoint,
        timeout: Duration::try_from_secs_f64(timeout_ms.max(0.0) / 1e3).unwrap_or_default(),
        ..RemoteConfig::default()
    };
    match RemoteClient::connect(config, handler.clone()) {
        Ok(client) => handler.settle(|first| first.client = Some(client)),
        Err(error) => handler.settle(|first| first.outcome = Some(Err(error))),
    };
    Ok(promise)
}
