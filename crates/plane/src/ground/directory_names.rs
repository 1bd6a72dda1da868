//! Names of directories in texts for people: what is reached through a descriptor is called what it is called now. Holds nothing.

use std::borrow::Cow;

/// Where Linux shows a process its own open files.
pub const DESCRIPTORS: &str = "/proc/self/fd/";

/// Puts the names that directories have now in place of the descriptors in a text for people.
pub fn named(text: &str) -> Cow<'_, str> {
    if !text.contains(DESCRIPTORS) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(DESCRIPTORS);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let descriptor = format!("{DESCRIPTORS}{}", &part[..digits]);
        match std::fs::read_link(&descriptor) {
            Ok(name) => named.push_str(&name.to_string_lossy()),
            Err(_) => named.push_str(&descriptor),
        }
        named.push_str(&part[digits..]);
    }
    Cow::Owned(named)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_text_without_descriptors_stays() {
        assert_eq!(named("/var/lib: full"), "/var/lib: full");
        assert_eq!(
            named("/proc/self/fd/999999/log: gone"),
            "/proc/self/fd/999999/log: gone"
        );
    }
}
