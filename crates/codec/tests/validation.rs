//! What a member refuses before it proposes a batch, and with which code.

use rafterdb_codec::*;

fn put(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Put {
        flags: 0,
        lease: 0,
        key,
        value: b"v",
    }
    .encode(&mut out);
    out
}

fn delete(key: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    DeleteRange { flags: 0, key, end }.encode(&mut out);
    out
}

fn txn(then: &[Vec<u8>], otherwise: &[Vec<u8>]) -> Vec<u8> {
    let (then_bytes, else_bytes) = (then.concat(), otherwise.concat());
    let mut out = Vec::new();
    encode_txn(
        &mut out,
        TxnPart::default(),
        TxnPart {
            count: then.len() as u16,
            bytes: &then_bytes,
        },
        TxnPart {
            count: otherwise.len() as u16,
            bytes: &else_bytes,
        },
    );
    out
}

fn validate(operations: &[Vec<u8>]) -> Result<BatchInfo, Refusal> {
    let mut body = Vec::new();
    BatchHeader {
        session: 0,
        sequence: 0,
        acked: 0,
        flags: 0,
        count: operations.len() as u32,
    }
    .encode(&mut body);
    body.extend(operations.concat());
    validate_batch(
        &body,
        &Limits {
            value_bytes_max: 1000,
            ..Limits::default()
        },
    )
}

fn code(operations: &[Vec<u8>]) -> Code {
    validate(operations).map_or_else(|(code, _)| code, |_| Code::Ok)
}

#[test]
fn plain_batches_are_recognised() {
    assert!(validate(&[put(b"a"), put(b"a")]).unwrap().is_plain);
    assert!(!validate(&[put(b"a"), delete(b"a", b"")]).unwrap().is_plain);
    assert_eq!(code(&[]), Code::Ok, "a batch of no operations starts a session");
}

#[test]
fn keys_values_and_ranges_have_bounds() {
    assert_eq!(code(&[put(b"")]), Code::KeyEmpty);
    assert_eq!(code(&[delete(b"", b"\0")]), Code::KeyEmpty);
    assert_eq!(code(&[put(&vec![1; limits::KEY_BYTES_MAX])]), Code::Ok);
    assert_eq!(code(&[put(&vec![1; limits::KEY_BYTES_MAX + 1])]), Code::KeyTooLarge);
    assert_eq!(code(&[delete(b"b", b"a")]), Code::RangeReversed);
    assert_eq!(code(&[delete(b"b", b"\0")]), Code::Ok);
    let mut large = Vec::new();
    Put {
        flags: 0,
        lease: 0,
        key: b"k",
        value: &[0; 1001],
    }
    .encode(&mut large);
    let (code, text) = validate(&[put(b"a"), large]).unwrap_err();
    assert_eq!(code, Code::ValueTooLarge);
    assert!(
        text.starts_with("operation 1: ") && text.contains("1001") && text.contains("1000"),
        "{text}"
    );
}

#[test]
fn options_that_contradict_are_refused() {
    let encode = |flags, lease, value: &[u8]| {
        let mut out = Vec::new();
        Put {
            flags,
            lease,
            key: b"k",
            value,
        }
        .encode(&mut out);
        out
    };
    assert_eq!(code(&[encode(PUT_IGNORE_VALUE, 0, b"")]), Code::Ok);
    assert_eq!(code(&[encode(PUT_IGNORE_VALUE, 0, b"v")]), Code::InvalidArgument);
    assert_eq!(code(&[encode(PUT_IGNORE_LEASE, 7, b"v")]), Code::InvalidArgument);
    let mut unknown = put(b"k");
    unknown[1] = 64;
    assert_eq!(code(&[unknown]), Code::ProtocolError);
}

#[test]
fn a_transaction_writes_a_key_once() {
    let duplicate = Code::DuplicateKey;
    assert_eq!(code(&[txn(&[put(b"a"), put(b"a")], &[])]), duplicate);
    assert_eq!(code(&[txn(&[], &[put(b"b"), delete(b"a", b"c")])]), duplicate);
    assert_eq!(code(&[txn(&[delete(b"a", b"\0"), put(b"b")], &[])]), duplicate);
    assert_eq!(code(&[txn(&[delete(b"b", b"c"), put(b"a"), put(b"c")], &[])]), Code::Ok);
    assert_eq!(
        code(&[txn(&[put(b"a")], &[delete(b"a", b"")])]),
        Code::Ok,
        "branches exclude each other"
    );
    assert_eq!(
        code(&[txn(&[delete(b"a", b"c"), delete(b"b", b"d")], &[])]),
        Code::Ok,
        "the second finds less"
    );
}

#[test]
fn nested_transactions_count_as_their_branch() {
    let nested = txn(&[put(b"a")], &[delete(b"a", b"")]);
    assert_eq!(code(&[txn(std::slice::from_ref(&nested), &[])]), Code::Ok);
    assert_eq!(code(&[txn(&[nested.clone(), put(b"a")], &[])]), Code::DuplicateKey);
    assert_eq!(code(&[txn(&[put(b"a"), nested.clone()], &[])]), Code::DuplicateKey);
    assert_eq!(
        code(&[txn(&[nested.clone(), delete(b"a", b"")], &[])]),
        Code::DuplicateKey
    );
    assert_eq!(code(&[txn(&[nested], &[put(b"a")])]), Code::Ok);
}

#[test]
fn transactions_have_bounds() {
    let keys: Vec<Vec<u8>> = (0..129u8).map(|key| put(&[1, key])).collect();
    assert_eq!(code(&[txn(&keys[..128], &[])]), Code::Ok);
    assert_eq!(code(&[txn(&keys, &[])]), Code::TooManyOperations);
    let full = txn(&keys[..127], &[]);
    assert_eq!(code(&[txn(std::slice::from_ref(&full), &[])]), Code::Ok);
    assert_eq!(
        code(&[txn(&[full, put(b"z")], &[])]),
        Code::TooManyOperations,
        "nested parts share the bound"
    );
    let mut deep = put(b"k");
    for _ in 0..TXN_DEPTH_MAX {
        deep = txn(&[deep], &[]);
    }
    assert_eq!(code(std::slice::from_ref(&deep)), Code::Ok);
    assert_eq!(code(&[txn(&[deep], &[])]), Code::ProtocolError);
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let mut range = Vec::new();
    Range {
        flags: 0,
        limit: 0,
        revision: 0,
        key: b"k",
        end: b"",
    }
    .encode(&mut range);
    let mut compact = Vec::new();
    encode_compact(&mut compact, 3);
    assert_eq!(code(std::slice::from_ref(&range)), Code::InvalidArgument);
    assert_eq!(code(&[txn(&[range], &[])]), Code::Ok);
    assert_eq!(code(std::slice::from_ref(&compact)), Code::Ok);
    assert_eq!(code(&[txn(&[compact], &[])]), Code::InvalidArgument);
}

#[test]
fn sessions_have_a_window() {
    let check = |sequence, acked| {
        let mut body = Vec::new();
        BatchHeader {
            session: 5,
            sequence,
            acked,
            flags: 0,
            count: 0,
        }
        .encode(&mut body);
        validate_batch(&body, &Limits::default()).map_or_else(|(code, _)| code, |_| Code::Ok)
    };
    assert_eq!(check(1, 1), Code::Ok);
    assert_eq!(check(0, 0), Code::InvalidArgument);
    assert_eq!(check(3, 4), Code::InvalidArgument);
    assert_eq!(check(limits::SESSION_WINDOW_MAX as u64, 1), Code::Ok);
    assert_eq!(check(limits::SESSION_WINDOW_MAX as u64 + 1, 1), Code::Busy);
}

#[test]
fn prefixes_are_recognised() {
    let prefix = |key: &'static [u8], end: &'static [u8]| Selection::new(key, end).prefix();
    assert_eq!(prefix(b"ab", b"ac"), Some(b"ab".as_slice()));
    assert_eq!(prefix(b"a\xff", b"b"), Some(b"a\xff".as_slice()));
    assert_eq!(prefix(b"\0", b"\0"), Some(b"".as_slice()));
    assert_eq!(prefix(b"ab", b"ad"), None);
    assert_eq!(prefix(b"ab", b"b"), None);
    assert_eq!(prefix(b"ab", b""), None);
    assert_eq!(prefix(b"\xff", b"\0"), None);
}

#[test]
fn a_revision_is_raised_alone_and_not_too_far() {
    let raise = |revision| {
        let mut out = Vec::new();
        encode_raise_revision(&mut out, revision);
        out
    };
    let most = limits::REVISION_RAISED_MAX as u64;
    assert_eq!(most, 1 << 52);
    assert_eq!(code(&[raise(0), raise(most), put(b"a")]), Code::Ok);
    assert!(!validate(&[raise(1)]).unwrap().is_plain);
    assert_eq!(code(&[raise(most + 1)]), Code::InvalidArgument);
    assert_eq!(code(&[raise(u64::MAX)]), Code::InvalidArgument);
    assert_eq!(code(&[txn(&[raise(1)], &[])]), Code::InvalidArgument);
}

#[test]
fn a_batch_has_as_many_operations_as_its_answer_has_room_for() {
    let most = limits::BATCH_OPERATIONS_MAX;
    assert!(validate(&vec![put(b"k"); most]).is_ok());
    let (code, text) = validate(&vec![put(b"k"); most + 1]).unwrap_err();
    assert_eq!(code, Code::TooManyOperations, "{text}");
    // Those in transactions count too.
    let transaction = txn(&vec![range(b"k", b""); 127], &[]);
    assert!(validate(&vec![transaction.clone(); most / 128]).is_ok());
    let (code, _) = validate(&vec![transaction; most / 128 + 1]).unwrap_err();
    assert_eq!(code, Code::TooManyOperations);
    // So do compares: they cost what a read costs.
    let transaction = comparing(&vec![(&b"k"[..], &b""[..]); 127], &[]);
    assert!(validate(&vec![transaction.clone(); most / 128]).is_ok());
    let (code, text) = validate(&vec![transaction; most / 128 + 1]).unwrap_err();
    assert_eq!(code, Code::TooManyOperations, "{text}");
}

fn range(key: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Range {
        flags: 0,
        limit: 0,
        revision: 0,
        key,
        end,
    }
    .encode(&mut out);
    out
}

/// A transaction with compares on (key, end).
fn comparing(compares: &[(&[u8], &[u8])], then: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, end) in compares {
        Compare {
            result: CompareResult::Equal,
            operand: Operand::Version(1),
            key,
            end,
        }
        .encode(&mut bytes);
    }
    let (then_bytes, mut out) = (then.concat(), Vec::new());
    let part = |count: usize, bytes| TxnPart {
        count: count as u16,
        bytes,
    };
    encode_txn(
        &mut out,
        part(compares.len(), &bytes),
        part(then.len(), &then_bytes),
        part(0, &[]),
    );
    out
}

#[test]
fn a_batch_has_a_bounded_number_of_operations_on_ranges() {
    let most = limits::BATCH_RANGES_MAX;
    let one = delete(b"a", b"b");
    assert!(validate(&vec![one.clone(); most]).is_ok());
    let (code, text) = validate(&vec![one.clone(); most + 1]).unwrap_err();
    assert_eq!(code, Code::TooManyOperations);
    assert!(text.contains("128") && text.contains("ranges"), "{text}");
    let single = delete(b"a", b"");
    assert!(
        validate(&[vec![one; most], vec![single; 100]].concat()).is_ok(),
        "one key is no range"
    );
    // Compares and operations count; of two branches one runs.
    let compares = vec![(&b"a"[..], &b"b"[..]); 64];
    let ranges = vec![range(b"a", b"b"); 128];
    let largest = comparing(&compares, &ranges[..64]);
    assert!(validate(std::slice::from_ref(&largest)).is_ok());
    assert!(validate(&[txn(&ranges, &ranges)]).is_ok());
    let (code, _) = validate(&[largest, range_in_txn()]).unwrap_err();
    assert_eq!(code, Code::TooManyOperations);
    // Nested ones count.
    let nested = vec![comparing(&compares[..30], &ranges[..30]); 3];
    assert_eq!(self::code(&[txn(&nested, &[])]), Code::TooManyOperations);
    assert_eq!(self::code(&[txn(&nested[..2], &nested[..2])]), Code::Ok);
}

fn range_in_txn() -> Vec<u8> {
    txn(&[range(b"a", b"\0")], &[])
}
