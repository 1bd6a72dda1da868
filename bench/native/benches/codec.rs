//! Entries, blocks and frames through the codec; and what lengths as varints would save and cost, for blocks of small entries.
//! `cargo bench -p rafterdb-bench --bench codec`

use std::hint::black_box;
use std::io::IoSlice;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use rafterdb_codec::limits::FRAME_BYTES_MAX;
use rafterdb_codec::{Entries, Entry, EntryKind, Frame, ENTRY_HEADER_BYTES};

const BLOCK_ENTRIES: usize = 1_000;

fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| ((at * 31) >> 3) as u8).collect()
}

fn entries(criterion: &mut Criterion) {
    let body = body(256);
    let entry = Entry::new(EntryKind::Batch, &body);
    let mut encoded = vec![0; entry.encoded_size()];
    let mut group = criterion.benchmark_group("entry");
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    group.bench_function("encode_to/256", |b| {
        b.iter(|| black_box(entry).encode_to(black_box(&mut encoded)))
    });
    let encoded = &encoded[..];
    group.bench_function("decode_from/256", |b| b.iter(|| Entry::decode_from(black_box(encoded))));
    group.finish();

    let size = entry.encoded_size();
    let mut block = vec![0; BLOCK_ENTRIES * size];
    let mut group = criterion.benchmark_group("block_of_1000");
    group.throughput(Throughput::Elements(BLOCK_ENTRIES as u64));
    group.bench_function("encode_to/256", |b| {
        b.iter(|| {
            let rooms = block.chunks_exact_mut(size);
            rooms
                .filter_map(|room| black_box(entry).encode_to(room).ok())
                .sum::<usize>()
        });
    });
    group.bench_function("decode_from/256", |b| {
        b.iter(|| {
            Entries::new(black_box(&block))
                .flatten()
                .map(|entry| entry.body.len())
                .sum::<usize>()
        });
    });
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for bytes in [64, 4 << 10, 64 << 10] {
        let body = body(bytes);
        let (head, payload) = body.split_at(bytes / 4);
        group.throughput(Throughput::Bytes(bytes as u64));
        // Header, checksum and the slices of a vectored write: all that a sender does to a body.
        group.bench_function(format!("encode_vectored/{bytes}"), |b| {
            b.iter(|| {
                let frame = Frame::new([black_box(head), black_box(payload)]).ok()?;
                let mut slices = [IoSlice::new(&[]); 3];
                Some(black_box(frame.encode_vectored(0, &mut slices)))
            });
        });
        let mut encoded = vec![0; 8 + bytes];
        group.bench_function(format!("encode_to/{bytes}"), |b| {
            b.iter(|| Frame::new([black_box(head), black_box(payload)])?.encode_to(black_box(&mut encoded)));
        });
        let encoded = &encoded[..];
        group.bench_function(format!("decode_from/{bytes}"), |b| {
            b.iter(|| Frame::decode_from(black_box(encoded), FRAME_BYTES_MAX));
        });
    }
    group.finish();
}

/// An entry whose length is a LEB128 varint, and without padding: the shortest that would do.
fn put_varint(out: &mut Vec<u8>, entry: Entry<'_>) {
    let mut length = entry.body.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.extend_from_slice(&[length as u8, entry.kind]);
    out.extend_from_slice(entry.body);
}

/// The entry at the front and the rest; every byte is checked before it is read, as the codec's parsers do.
fn take_varint(input: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (mut length, mut rest) = (0usize, input);
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        (length, rest) = (length | usize::from(byte & 0x7f) << shift, after);
        if byte < 0x80 {
            let (&kind, rest) = rest.split_first()?;
            let (body, rest) = rest.split_at_checked(length)?;
            return Some((Entry::new(kind, body), rest));
        }
    }
    None
}

/// Bodies around `bytes` long. A batch of one put with a key of 16 bytes and a value of 32 is an entry of 92.
fn small_bodies(bytes: usize) -> Vec<Vec<u8>> {
    let lengths = (0..BLOCK_ENTRIES).map(|at| bytes - bytes / 4 + at * 7 % (bytes / 2));
    lengths.map(body).collect()
}

fn lengths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("length");
    group.throughput(Throughput::Elements(BLOCK_ENTRIES as u64));
    for bytes in [16, 92, 256] {
        let bodies = small_bodies(bytes);
        let entries = || bodies.iter().map(|body| Entry::new(EntryKind::Batch, body));
        let room: usize = bodies.iter().map(|body| ENTRY_HEADER_BYTES + body.len()).sum();
        let (mut fixed, mut varint) = (Vec::new(), Vec::new());
        for entry in entries() {
            let _ = entry.encode(&mut fixed);
            put_varint(&mut varint, entry);
        }
        println!(
            "length: bodies of {bytes}: {} bytes fixed, {} varint",
            fixed.len(),
            varint.len()
        );
        let mut out = Vec::with_capacity(room);
        group.bench_function(format!("fixed_encode/{bytes}"), |b| {
            b.iter(|| {
                out.clear();
                entries().filter(|entry| entry.encode(&mut out).is_ok()).count()
            });
        });
        group.bench_function(format!("varint_encode/{bytes}"), |b| {
            b.iter(|| {
                out.clear();
                entries().for_each(|entry| put_varint(&mut out, entry));
            });
        });
        group.bench_function(format!("fixed_decode/{bytes}"), |b| {
            b.iter(|| {
                Entries::new(black_box(&fixed))
                    .flatten()
                    .map(|entry| entry.body.len())
                    .sum::<usize>()
            });
        });
        group.bench_function(format!("varint_decode/{bytes}"), |b| {
            b.iter(|| {
                let (mut rest, mut sum) = (black_box(&varint[..]), 0);
                while let Some((entry, after)) = take_varint(rest) {
                    (rest, sum) = (after, sum + entry.body.len());
                }
                sum
            });
        });
    }
    group.finish();
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "codec");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = reference, entries, frames, lengths
}
criterion_main!(benches);
