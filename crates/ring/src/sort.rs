//! Sorting by hash: hashes are spread evenly, so one pass over their top bits leaves almost nothing to sort.

/// Hashes, each with a number, in ascending order, and for each value `t` of the top bits where those with `t` begin.
///
/// The second has 2^`bits` + 1 entries. Takes O(n) for hashes, O(n log n) for whatever else it is given.
/// There are at most `u32::MAX` pairs, and 1 <= `bits` < 32.
pub(crate) fn sort_by_hash(pairs: &[(u64, u32)], bits: u32) -> (Vec<(u64, u32)>, Vec<u32>) {
    let bucket = |hash: u64| (hash >> (64 - bits)) as usize;
    let mut starts = vec![0u32; (1 << bits) + 1];
    for (hash, _) in pairs {
        starts[bucket(*hash)] += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    // From each bucket's end down to its start, so that `starts` is right when all are placed.
    let mut sorted = vec![(0, 0); pairs.len()];
    for pair in pairs {
        let end = &mut starts[bucket(pair.0)];
        *end -= 1;
        sorted[*end as usize] = *pair;
    }
    for range in starts.windows(2) {
        let part = &mut sorted[range[0] as usize..range[1] as usize];
        if part.len() > 1 {
            part.sort_unstable();
        }
    }
    (sorted, starts)
}
