//! The only crate that knows Node: thin functions over crates/plane. `src/native/binding.ts` has their types.
//! Buffers are borrowed for the length of a call; errors cross as codes or as JSON, and TypeScript makes them `RafterError`s.

#![cfg_attr(
    test,
    allow(
        dead_code,
        reason = "napi registers its functions in the addon alone, not in test builds"
    )
)]

#[cfg(feature = "count-allocations")]
mod allocations;
mod begin_anew;
mod direct;
mod environment;
mod error;
mod fault;
mod library;
mod member;
mod open_members;
mod port;
mod promise;
mod reader;
mod register;
mod restore;
