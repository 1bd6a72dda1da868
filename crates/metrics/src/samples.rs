//! What is read of metrics at one time: a name, a unit in it, a value. Whoever owns metrics is a source of samples, and names them.
//! Knows no format: that is for whoever shows them.

use crate::histogram::HistogramValues;

/// Whoever counts something.
pub trait Source {
    /// Adds what stands now.
    fn collect(&self, into: &mut Samples);
}

/// What was read of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Since the start; it only grows.
    Counter(u64),
    /// Now.
    Gauge(f64),
    /// Times, by class.
    Histogram(HistogramValues),
}

/// One metric as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// As of Prometheus, with the unit: `rafterdb_wal_written_bytes_total`.
    pub name: &'static str,
    /// What of several it is about, such as `peer` and its name.
    pub label: Option<(&'static str, String)>,
    /// What stands now.
    pub value: Value,
}

/// Metrics as they were read.
#[derive(Debug, Default)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// What a source has.
    pub fn of(source: &dyn Source) -> Self {
        let mut samples = Self::default();
        source.collect(&mut samples);
        samples
    }

    /// Adds a counter; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, value: u64) {
        self.push(name, None, Value::Counter(value));
    }

    /// Adds a gauge.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn gauge(&mut self, name: &'static str, value: u64) {
        self.push(name, None, Value::Gauge(value as f64));
    }

    /// Adds a histogram of times; its name ends in `_seconds`.
    pub fn histogram(&mut self, name: &'static str, values: HistogramValues) {
        self.push(name, None, Value::Histogram(values));
    }

    /// Adds one of several of a name, told apart by a label.
    pub fn labelled(&mut self, name: &'static str, label: &'static str, of: impl Into<String>, value: Value) {
        self.push(name, Some((label, of.into())), value);
    }

    fn push(&mut self, name: &'static str, label: Option<(&'static str, String)>, value: Value) {
        debug_assert!(is_name(name, &value), "metric name: {name}");
        self.0.push(Sample { name, label, value });
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }

    /// Plain numbers by name: `name{label="…"}`; of a histogram its `_count` and `_sum`.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let mut numbers = Vec::with_capacity(self.0.len());
        for Sample { name, label, value } in &self.0 {
            let named = |ending: &str| match label {
                None => format!("{name}{ending}"),
                Some((label, of)) => format!("{name}{ending}{{{label}={of:?}}}"),
            };
            match value {
                Value::Counter(count) => numbers.push((named(""), *count as f64)),
                Value::Gauge(value) => numbers.push((named(""), *value)),
                Value::Histogram(values) => {
                    numbers.push((named("_count"), values.count() as f64));
                    numbers.push((named("_sum"), values.sum_seconds));
                }
            }
        }
        numbers
    }
}

/// Whether a name is one that Prometheus takes, is of this program, and ends as its kind must.
#[must_use]
pub fn is_name(name: &str, value: &Value) -> bool {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let ending = match value {
        Value::Counter(_) => name.ends_with("_total"),
        Value::Gauge(_) => !name.ends_with("_total"),
        Value::Histogram(_) => name.ends_with("_seconds"),
    };
    name.starts_with("rafterdb_") && letters && ending
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk;

    impl Source for Disk {
        fn collect(&self, into: &mut Samples) {
            let mut times = HistogramValues {
                sum_seconds: 1.5,
                ..HistogramValues::default()
            };
            times.buckets[3] = 2;
            into.counter("rafterdb_disk_reads_total", 7);
            into.gauge("rafterdb_disk_free_bytes", 1 << 40);
            into.histogram("rafterdb_disk_read_duration_seconds", times);
            into.labelled("rafterdb_disk_peer_up", "peer", "b\"c", Value::Gauge(1.0));
        }
    }

    #[test]
    fn a_source_is_read_as_plain_numbers() {
        let numbers = Samples::of(&Disk).numbers();
        let expected = [
            ("rafterdb_disk_reads_total", 7.0),
            ("rafterdb_disk_free_bytes", 1_099_511_627_776.0),
            ("rafterdb_disk_read_duration_seconds_count", 2.0),
            ("rafterdb_disk_read_duration_seconds_sum", 1.5),
            (r#"rafterdb_disk_peer_up{peer="b\"c"}"#, 1.0),
        ];
        assert_eq!(numbers, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn names_are_those_of_the_field() {
        let counter = Value::Counter(0);
        assert!(is_name("rafterdb_reads_total", &counter));
        for bad in [
            "reads_total",
            "rafterdb_reads",
            "rafterdb_Reads_total",
            "rafterdb_reads-total",
        ] {
            assert!(!is_name(bad, &counter), "{bad}");
        }
        assert!(!is_name("rafterdb_free_bytes_total", &Value::Gauge(0.0)));
        assert!(!is_name("rafterdb_wait", &Value::Histogram(HistogramValues::default())));
    }
}
