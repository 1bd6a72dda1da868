//! The only crate that knows Node: thin functions over crates/plane. `src/native/binding.ts` has their types.
//! Buffers are borrowed for the length of a call; errors cross as codes or as JSON, and TypeScript makes them `RafterError`s.

mod member;
mod port;
