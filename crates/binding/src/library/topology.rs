//! The machine for JavaScript, as JSON: numbers, lists of numbers and nulls alone.

use std::fmt::{Display, Write};

use rafterdb_topology::{CacheKind, Topology};

use crate::direct::{Answer, Call};

/// `topology()`: see `Topology` in src/library/topology.ts.
pub fn topology(call: &Call) -> Answer {
    let machine = Topology::read();
    let nodes = list(&machine.nodes, |node| {
        let (total, free) = (or_null(node.memory_total), or_null(node.memory_free));
        let cpus = numbers(&node.cpus);
        format!(
            r#"{{"id":{},"cpus":{cpus},"memoryBytes":{total},"freeBytes":{free}}}"#,
            node.id
        )
    });
    let caches = list(&machine.caches, |cache| {
        let kind = match cache.kind {
            CacheKind::Data => "data",
            CacheKind::Instruction => "instruction",
            CacheKind::Unified => "unified",
        };
        let (cpus, line) = (numbers(&cache.cpus), or_null(cache.line));
        let (level, size) = (cache.level, cache.size);
        format!(r#"{{"level":{level},"kind":"{kind}","bytes":{size},"lineBytes":{line},"cpus":{cpus}}}"#)
    });
    let cores = list(&machine.cores, |core| {
        format!(
            r#"{{"package":{},"cpus":{}}}"#,
            or_null(core.package),
            numbers(&core.cpus)
        )
    });
    let (cpus, allowed) = (numbers(&machine.cpus), numbers(&machine.allowed));
    Ok(call.text_value(&format!(
        r#"{{"cpus":{cpus},"allowed":{allowed},"cores":{cores},"nodes":{nodes},"caches":{caches}}}"#
    )))
}

fn or_null(number: Option<impl Display>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| number.to_string())
}

fn numbers(numbers: &[u32]) -> String {
    list(numbers, u32::to_string)
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let mut out = String::from("[");
    for (i, item) in items.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(out, "{comma}{}", text(item));
    }
    out.push(']');
    out
}
