//! Compression and decompression of text and of noise, in bytes of the original, and what it costs to find out that a
//! stream does not compress. Prints what is saved too. Text is the Debian sample of `examples/data`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{criterion_group, criterion_main, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use rafterdb_compress::{Algorithm, Compressor, Decompressor, Dictionary, Options};

const SAMPLE: &[u8] = include_bytes!("../../../examples/data/debian-sample.ndjson");
const BYTES: usize = 64 * 1024;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Gzip];

/// xorshift64*: bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    std::iter::repeat_with(next).take(BYTES).collect()
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500));
    group.sample_size(20);
    group.throughput(Throughput::Bytes(BYTES as u64));
    group
}

/// Runs over all pieces of 64 KiB: one of 64 KiB, or 64 of 1 KiB as a stream has them.
fn compress(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: &str,
    options: &Options,
    pieces: &[&[u8]],
) -> Vec<Vec<u8>> {
    let mut compressor = Compressor::new(options).expect("the options are in range");
    let mut out = vec![0; BYTES + 1];
    group.bench_function(BenchmarkId::new(name, size), |bench| {
        bench.iter(|| {
            for piece in pieces {
                let _ = black_box(compressor.compress_into(black_box(piece), &mut out));
            }
        });
    });
    let pack = |piece: &&[u8]| {
        let mut out = Vec::new();
        compressor.compress_to(piece, &mut out);
        out
    };
    let packed: Vec<Vec<u8>> = pieces.iter().map(pack).collect();
    let share = packed.iter().map(Vec::len).sum::<usize>() as f64 / BYTES as f64;
    println!("{name}/{size}: {:.1} % of the original", share * 100.0);
    packed
}

fn decompress(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: &str,
    dictionary: Option<&Arc<Dictionary>>,
    packed: &[Vec<u8>],
) {
    let mut decompressor = Decompressor::new();
    if let Some(dictionary) = dictionary {
        decompressor
            .add_dictionary(Arc::clone(dictionary))
            .expect("it is the only one");
    }
    let mut out = vec![0; BYTES];
    group.bench_function(BenchmarkId::new(name, size), |bench| {
        bench.iter(|| {
            for packed in packed {
                let _ = black_box(decompressor.decompress_into(black_box(packed), &mut out));
            }
        });
    });
}

/// Each way with one algorithm; every input is tried.
fn each_way(criterion: &mut Criterion, data: &str, bytes: &[u8]) {
    for (size, piece) in [("64KiB", BYTES), ("1KiB", 1024)] {
        let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
        for algorithm in ALGORITHMS {
            let levels: &[u8] = match algorithm {
                _ if data == "noise" => &[algorithm.default_level()],
                Algorithm::Lz4 => &[1],
                Algorithm::Zstd => &[1, 3],
                Algorithm::Gzip => &[1, 6],
            };
            for &level in levels {
                let options = Options {
                    level: Some(level),
                    adaptive: false,
                    ..Options::new(algorithm)
                };
                let name = format!("{data}-{}-{level}", algorithm.name());
                let packed = compress(&mut group(criterion, "compress"), &name, size, &options, &pieces);
                // Noise comes back from the stored form, whatever the algorithm was.
                if data == "text" || algorithm == Algorithm::Lz4 {
                    decompress(&mut group(criterion, "decompress"), &name, size, None, &packed);
                }
            }
        }
    }
}

/// Pieces of 1 KiB with a dictionary trained on the other half of the sample.
fn with_dictionary(criterion: &mut Criterion) {
    let samples: Vec<&[u8]> = SAMPLE[BYTES..].chunks(512).collect();
    let dictionary = Arc::new(Dictionary::train(&samples, 16 * 1024).expect("there are enough samples"));
    let pieces: Vec<&[u8]> = SAMPLE[..BYTES].chunks(1024).collect();
    for algorithm in [Algorithm::Lz4, Algorithm::Zstd] {
        let options = Options::with_dictionary(algorithm, Arc::clone(&dictionary));
        let name = format!("text-{}-dictionary", algorithm.name());
        let packed = compress(&mut group(criterion, "compress"), &name, "1KiB", &options, &pieces);
        decompress(
            &mut group(criterion, "decompress"),
            &name,
            "1KiB",
            Some(&dictionary),
            &packed,
        );
    }
}

/// Noise with adaptive skipping: the cost of a stream that does not compress.
fn skipping(criterion: &mut Criterion, noise: &[u8]) {
    for (size, piece) in [("64KiB", BYTES), ("1KiB", 1024)] {
        let pieces: Vec<&[u8]> = noise.chunks(piece).collect();
        for algorithm in ALGORITHMS {
            let name = format!("noise-{}-adaptive", algorithm.name());
            compress(
                &mut group(criterion, "compress"),
                &name,
                size,
                &Options::new(algorithm),
                &pieces,
            );
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let noise = noise();
    each_way(criterion, "text", &SAMPLE[..BYTES]);
    each_way(criterion, "noise", &noise);
    with_dictionary(criterion);
    skipping(criterion, &noise);
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "compress");
}

criterion_group!(all, reference, benches);
criterion_main!(all);
