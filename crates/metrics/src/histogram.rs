//! How long something took, by size classes of time. A class is twice as wide as the one before, so that to find it is a count of
//! leading zeros, and a quantile is right within a factor of two, whatever the times are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Classes: the first has what took up to 2^13 ns (8 µs), the last but one up to 2^36 ns (69 s), the last all that took longer.
pub const BUCKETS: usize = 25;

/// 2^this ns bound the first class.
const FIRST_EXPONENT: u32 = 13;

/// Times that something took. All its classes are there from the start.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

/// What a histogram has seen. While others observe, the parts are not all of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramValues {
    /// Observations in each class, not added up.
    pub buckets: [u64; BUCKETS],
    /// All times together, seconds.
    pub sum_seconds: f64,
}

impl Histogram {
    /// It has taken so long once more.
    #[inline]
    pub fn observe(&self, time: Duration) {
        // 584 years fit.
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[class_of(nanos)].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What it has seen.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a sum of times, told as a float")]
    pub fn values(&self) -> HistogramValues {
        HistogramValues {
            buckets: std::array::from_fn(|class| self.buckets[class].load(Ordering::Relaxed)),
            sum_seconds: self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

impl HistogramValues {
    /// Observations in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The longest time of a class, seconds; infinite for the last.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "powers of two are exact")]
    pub fn bound_seconds(class: usize) -> f64 {
        if class + 1 >= BUCKETS {
            return f64::INFINITY;
        }
        (1_u64 << (FIRST_EXPONENT as usize + class)) as f64 / 1e9
    }
}

#[inline]
const fn class_of(nanos: u64) -> usize {
    // Of 2^n it is n, of more it is n + 1: a bound belongs to the class below.
    let exponent = u64::BITS - nanos.saturating_sub(1).leading_zeros();
    let class = exponent.saturating_sub(FIRST_EXPONENT) as usize;
    if class < BUCKETS {
        class
    } else {
        BUCKETS - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_class_whose_bounds_it_lies_within() {
        for exponent in 0..64 {
            for nanos in [1_u64 << exponent, (1 << exponent) - 1, (1 << exponent) + 1] {
                let class = class_of(nanos);
                let within = Duration::from_nanos(nanos).as_secs_f64() <= HistogramValues::bound_seconds(class);
                let above = class == 0 || HistogramValues::bound_seconds(class - 1) < nanos as f64 / 1e9;
                assert!(within && above, "{nanos} ns in class {class}");
            }
        }
    }

    #[test]
    fn what_is_observed_is_counted_once_and_added_up() {
        let histogram = Histogram::default();
        for time in [0, 8, 9, 1_000, 80_000_000] {
            histogram.observe(Duration::from_micros(time));
        }
        let values = histogram.values();
        assert_eq!(values.count(), 5);
        assert_eq!(
            (values.buckets[0], values.buckets[1], values.buckets[BUCKETS - 1]),
            (2, 1, 1)
        );
        assert!((values.sum_seconds - 80.001_017).abs() < 1e-9, "{}", values.sum_seconds);
    }

    #[test]
    fn the_longest_time_there_is_overflows_nothing() {
        let histogram = Histogram::default();
        histogram.observe(Duration::MAX);
        assert_eq!(histogram.values().buckets[BUCKETS - 1], 1);
    }
}
