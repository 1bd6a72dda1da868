//! Small files of the kernel, as the values that are in them. Whatever cannot be read or understood is `None`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use crate::cpu_list::parse_cpus;

/// Bytes read of a file; the files of the kernel are far smaller.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// The text of a file, without the space around it.
pub fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

/// The number in a file.
pub fn number<T: FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

/// The CPUs listed in a file.
pub fn cpus(path: &Path) -> Option<Vec<u32>> {
    parse_cpus(&text(path)?)
}

/// The size in a file, bytes: `48K`, `2M`, `512`.
pub fn size(path: &Path) -> Option<u64> {
    let text = text(path)?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// A line of a `meminfo`, bytes: `MemTotal: 123 kB`, or `Node 0 MemTotal: 123 kB`.
pub fn memory(path: &Path, name: &str) -> Option<u64> {
    let text = text(path)?;
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != name).skip(1);
        let kibibytes: u64 = words.next()?.parse().ok()?;
        (words.next()? == "kB").then(|| kibibytes.checked_mul(1024))?
    })
}
