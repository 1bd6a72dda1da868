//! The consistent-hash ring for JavaScript; nodes are numbers, in the order in which they were given.

use std::sync::Arc;

use napi::sys;
use rafterdb_ring::{BoundedRing, Keys, Node, Options, Ring, RingError};

use super::hash::keys_and_out;
use crate::direct::{Answer, Call, Misuse, NativeObject, Text};

/// What a virtual node takes at most, bytes.
const VIRTUAL_NODE_BYTES: usize = 32;

impl From<RingError> for Misuse {
    fn from(error: RingError) -> Self {
        Self::Range(error.to_string())
    }
}

impl NativeObject for Arc<Ring> {
    const NAME: &'static str = "Ring";

    fn bytes(&self) -> usize {
        self.nodes().len() * self.options().virtual_nodes as usize * VIRTUAL_NODE_BYTES
    }
}

/// `ringNew(names, weights, zones, virtualNodes, seed?)`; no zone is an empty string
pub fn new(call: &Call) -> Answer {
    let (names, zones) = (call.strings(0, "names")?, call.strings(2, "zones")?);
    // SAFETY: a view of this call that is read only.
    let weights = unsafe { call.f64_view(1, "weights")?.slice::<f64>() };
    let nodes: Vec<Node> = names
        .into_iter()
        .zip(weights)
        .zip(zones)
        .map(|((name, weight), zone)| {
            let node = Node::new(name).weight(*weight);
            if zone.is_empty() {
                node
            } else {
                node.zone(zone)
            }
        })
        .collect();
    let options = Options {
        virtual_nodes: u32::try_from(call.integer(3, "virtualNodes", 1, u64::from(u32::MAX))?).unwrap_or(u32::MAX),
        seed: call.u64_or(4, "seed", 0)?,
    };
    Ok(call.hold(Arc::new(Ring::new(&nodes, options)?)))
}

/// `ringLookup(ring, key)`
pub fn lookup(call: &Call) -> Answer {
    let mut text = Text::new();
    let ring = call.held::<Arc<Ring>>(0)?;
    Ok(call.u32_value(ring.lookup(call.bytes(1, "key", &mut text)?)))
}

/// The keys of arguments 1 and 2, and the places for results, which are argument `at`.
#[allow(
    clippy::mut_from_ref,
    reason = "the places are memory of JavaScript, apart from the keys"
)]
fn keys_and_places(call: &Call, at: usize) -> Result<(Keys<'_>, &mut [u32]), Misuse> {
    let out = call.u32_view(at, "out")?;
    let (buffer, offsets) = keys_and_out(call, 1, out)?;
    // SAFETY: `out` lies apart from what is read.
    Ok((Keys::new(buffer, offsets)?, unsafe { out.slice_mut() }))
}

/// `ringLookupMany(ring, buffer, offsets, out)`
pub fn lookup_many(call: &Call) -> Answer {
    let (keys, places) = keys_and_places(call, 3)?;
    call.held::<Arc<Ring>>(0)?.lookup_many(keys, places)?;
    Ok(call.nothing())
}

/// `ringReplicas(ring, key, out)`
pub fn replicas(call: &Call) -> Answer {
    let mut text = Text::new();
    let ring = call.held::<Arc<Ring>>(0)?;
    let out = call.u32_view(2, "out")?;
    if let Some(key) = call.view(1, "key")? {
        call.distinct(out, &[key])?;
    }
    let key = call.bytes(1, "key", &mut text)?;
    // SAFETY: `out` lies apart from the key.
    let found = ring.replicas(key, unsafe { out.slice_mut() })?;
    Ok(call.size_value(found))
}

/// `ringReplicasMany(ring, buffer, offsets, count, out)`
pub fn replicas_many(call: &Call) -> Answer {
    let (keys, places) = keys_and_places(call, 4)?;
    let count = call.size(3, "count", u32::MAX as usize)?;
    let found = call.held::<Arc<Ring>>(0)?.replicas_many(keys, count, places)?;
    Ok(call.size_value(found))
}

/// `ringAssignMany(ring, buffer, offsets, epsilon, out)`
pub fn assign_many(call: &Call) -> Answer {
    let (keys, places) = keys_and_places(call, 4)?;
    let epsilon = call.float(3, "epsilon", f64::MIN_POSITIVE, f64::MAX)?;
    let ring = Arc::clone(&*call.held::<Arc<Ring>>(0)?);
    BoundedRing::new(ring, epsilon)?.assign_many(keys, places)?;
    Ok(call.nothing())
}

/// `ringDiff(before, after)`: an array of first and last hash of each range, one of the nodes before and after.
pub fn diff(call: &Call) -> Answer {
    let moves = Ring::diff(&*call.held::<Arc<Ring>>(0)?, &*call.held::<Arc<Ring>>(1)?);
    let hashes: Vec<u64> = moves.iter().flat_map(|range| [range.start, range.end]).collect();
    let nodes: Vec<u32> = moves.iter().flat_map(|range| [range.from, range.to]).collect();
    call.array(&[
        call.numbers(sys::TypedarrayType::biguint64_array, &hashes)?,
        call.numbers(sys::TypedarrayType::uint32_array, &nodes)?,
    ])
}
