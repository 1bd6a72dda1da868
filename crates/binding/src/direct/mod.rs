//! Calls without what napi-derive puts around a function, which takes 100 ns a call and allocates two to four times: arguments
//! are looked at where they lie, results are made in the memory of JavaScript, native objects are held by it. For what is called
//! once a turn, a wake-up or a value. Knows no function.

mod arguments;
mod call;
mod handle;
mod kept;
mod notifier;
mod results;
mod view;

pub use arguments::Text;
pub use call::{export, Answer, Call, Misuse};
pub use handle::{hold, NativeObject};
pub use kept::Kept;
pub use notifier::Notifier;
pub use view::View;
