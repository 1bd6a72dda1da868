//! Lists of CPUs as Linux writes them: `0-3,8` (Documentation/admin-guide/cputopology.rst of the kernel).

/// The largest number of a CPU that is believed; Linux can be built for 8,192 CPUs.
pub const CPU_MAX: u32 = 65_535;

/// The CPUs of a list, sorted, each once. `None` if it is not a list: a word, a range that runs backwards, a number above
/// `CPU_MAX`, more numbers than there can be CPUs. An empty text is an empty list.
#[must_use]
pub fn parse_cpus(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    let text = text.trim();
    if text.is_empty() {
        return Some(cpus);
    }
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let is_range = first <= last && last <= CPU_MAX;
        if !is_range || cpus.len() + (last - first) as usize > CPU_MAX as usize {
            return None;
        }
        cpus.extend(first..=last);
    }
    tidy(&mut cpus);
    Some(cpus)
}

/// A list as Linux writes it: the shortest that names these CPUs.
#[must_use]
pub fn format_cpus(cpus: &[u32]) -> String {
    let mut sorted = cpus.to_vec();
    tidy(&mut sorted);
    sorted
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            _ => run.iter().map(u32::to_string).collect(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

fn tidy(cpus: &mut Vec<u32>) {
    cpus.sort_unstable();
    cpus.dedup();
}

/// Digits only: `parse` alone would take `+1`.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}
