//! Goal: whatever bytes come in, no parser panics, none allocates beyond its bound, none claims more than the input holds;
//! and what was encoded and not harmed is taken to its end.
//! `RAFTERDB_FUZZ_CASES` sets the number of inputs (default 10,000), `RAFTERDB_SEED` repeats a run.

mod checker;
mod generate;
mod parsers;

use checker::{check, nothing, Parser};
use generate::messages::{frames, message, Message};
use generate::mutations::{apply, mutations, Mutation};
use parsers::{PARSERS, STORED};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};

/// What is thrown at the parsers.
#[derive(Clone, Debug)]
enum Input {
    /// Bytes out of nowhere; small ones pass for lengths.
    Noise(Vec<u8>),
    /// A valid message, harmed or not.
    Message(Message, Vec<Mutation>),
    /// The same as a frame's body, with a checksum that is sound; then the frame is harmed or not.
    Framed(Message, Vec<Mutation>, Vec<Mutation>),
}

impl Input {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Noise(bytes) => bytes.clone(),
            Self::Message((_, bytes), harm) => harmed(bytes.clone(), harm),
            Self::Framed((_, bytes), inner, outer) => {
                let body = harmed(bytes.clone(), inner);
                harmed(frames(&[body.clone(), body]), outer)
            }
        }
    }

    /// The parser that must take it to its end.
    fn valid_for(&self) -> Option<&'static str> {
        match self {
            Self::Message((name, _), harm) if harm.is_empty() => Some(name),
            Self::Framed(_, _, harm) if harm.is_empty() => Some("frames"),
            _ => None,
        }
    }
}

fn harmed(mut bytes: Vec<u8>, harm: &[Mutation]) -> Vec<u8> {
    apply(&mut bytes, harm);
    bytes
}

fn input() -> impl Strategy<Value = Input> {
    let small = prop_oneof![1 => Just(0u8), 2 => 0u8..0x40];
    prop_oneof![
        1 => vec(any::<u8>(), 0..200).prop_map(Input::Noise),
        1 => vec(small, 0..200).prop_map(Input::Noise),
        6 => (message(), mutations()).prop_map(|(message, harm)| Input::Message(message, harm)),
        2 => (message(), mutations(), mutations()).prop_map(|(message, a, b)| Input::Framed(message, a, b)),
    ]
}

/// Runs all parsers over all inputs; the smallest input that one of them fails on, if there is any.
fn fuzz(parsers: &[Parser], cases: u32) -> Result<(), TestError<Input>> {
    TestRunner::new(generate::config(cases)).run(&input(), |input| {
        let bytes = input.bytes();
        for parser in parsers {
            let accepted = check(parser, &bytes).map_err(TestCaseError::fail)?;
            if input.valid_for() == Some(parser.name) && !accepted {
                return Err(TestCaseError::fail(format!("{}: refused what is valid", parser.name)));
            }
        }
        Ok(())
    })
}

#[test]
fn no_input_harms_a_parser() {
    if let Err(failure) = fuzz(&[PARSERS, STORED].concat(), 10_000) {
        panic!("{failure}");
    }
}

fn length_of(input: &[u8]) -> Option<usize> {
    input.first_chunk().map(|length| u32::from_le_bytes(*length) as usize)
}

fn is_caught(accepts: fn(&[u8]) -> bool, name: &'static str, why: &str) {
    let canary = Parser {
        name,
        accepts,
        may_allocate: nothing,
    };
    let failure = fuzz(&[canary], 10_000).expect_err("a broken parser must be caught");
    assert!(failure.to_string().contains(why), "{failure}");
}

#[test]
fn canary_a_parser_that_believes_its_length_is_caught() {
    let believes = |input: &[u8]| match length_of(input) {
        Some(length) if input.len() >= 8 => input[8..8 + length].len() == length,
        _ => true,
    };
    is_caught(believes, "block", "panicked");
}

#[test]
fn canary_a_parser_that_allocates_what_its_length_says_is_caught() {
    // Reserved and given up again: the bytes are never there.
    let believes = |input: &[u8]| length_of(input).is_none_or(|length| Vec::<u8>::new().try_reserve(length).is_ok());
    is_caught(believes, "block", "allocated");
}

#[test]
fn canary_a_parser_that_refuses_what_is_valid_is_caught() {
    is_caught(|input| input.len() < 40, "frames", "refused");
}
