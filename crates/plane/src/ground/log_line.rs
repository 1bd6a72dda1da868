//! Lines for people: what stands in them that came from outside cannot make another line of it, nor hide any. Knows no destinations.

use std::borrow::Cow;
use std::fmt::Write;

use rafterdb_net::Level;

use crate::ground::directory_names::named;

/// A line at its level, as it crosses to JavaScript: `warning: ` or `error: ` in front of what is not mere information.
#[must_use]
pub fn line(level: Level, text: &str) -> String {
    let mark = match level {
        Level::Info => "",
        Level::Warn => "warning: ",
        Level::Error => "error: ",
    };
    format!("{mark}{}", escaped(&named(text)))
}

/// The text with everything escaped that is no visible character: line breaks, control characters (and so what colours a terminal or
/// moves its cursor), and the marks that change the direction of writing. src/client/text/escape.ts does the same.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing into a String does not fail.
            c if is_hidden(c) => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_within_its_line() {
        let forged = "b\n2026-01-01 INFO  all is well\r\u{1b}[2J\u{202e}evil\u{2028}\u{85}\0";
        let line = line(Level::Warn, forged);
        assert_eq!(
            line,
            "warning: b\\n2026-01-01 INFO  all is well\\r\\u{1b}[2J\\u{202e}evil\\u{2028}\\u{85}\\u{0}"
        );
    }

    #[test]
    fn letters_of_any_language_stay_as_they_are() {
        assert!(matches!(escaped("Zürich 東京 שלום 🦀"), Cow::Borrowed(_)));
    }
}
