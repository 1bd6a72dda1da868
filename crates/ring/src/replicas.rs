//! Several nodes for one key, clockwise from its hash, in zones as different as can be. Knows nothing of loads.

use crate::ring::check_length;
use crate::{hash_key, Keys, Ring, RingError, REPLICAS_MAX};

/// What stands where a replica would be, had the ring more nodes.
pub const NO_NODE: u32 = u32::MAX;

impl Ring {
    /// The nodes that hold the replicas of a key, distinct, the first one its [`Ring::lookup`]; as many as `out` has room for.
    ///
    /// They are found clockwise from the key's hash. No two are in one zone while another zone has a node left;
    /// with fewer zones than replicas, all zones have one before any has two, and so on. Returns how many there are:
    /// with fewer nodes than replicas, all nodes, and the rest of `out` is [`NO_NODE`].
    /// Without the node that is first, the one that is second comes first, if their zones differ or all zones do.
    ///
    /// # Errors
    /// [`RingError::TooManyReplicas`] above [`REPLICAS_MAX`].
    pub fn replicas(&self, key: &[u8], out: &mut [u32]) -> Result<usize, RingError> {
        self.replicas_hash(hash_key(key), out)
    }

    /// [`Ring::replicas`] of the key with this [`hash_key`].
    ///
    /// # Errors
    /// As [`Ring::replicas`].
    pub fn replicas_hash(&self, hash: u64, out: &mut [u32]) -> Result<usize, RingError> {
        check_replicas(out.len())?;
        Ok(self.fill(hash, out))
    }

    /// [`Ring::replicas`] of many keys: `out[i * replicas..][..replicas]` for key `i`. Returns how many each key has.
    ///
    /// # Errors
    /// As [`Ring::replicas`]; [`RingError::OutputLength`] unless `out` has room for exactly `replicas` of each key.
    pub fn replicas_many(&self, keys: Keys<'_>, replicas: usize, out: &mut [u32]) -> Result<usize, RingError> {
        check_replicas(replicas)?;
        check_length(keys.len() * replicas, out)?;
        if replicas > 0 {
            for (key, out) in keys.iter().zip(out.chunks_exact_mut(replicas)) {
                self.fill(hash_key(key), out);
            }
        }
        Ok(replicas.min(self.nodes().len()))
    }

    /// In round `r` every zone that has more than `r` nodes gives one more, its first that was not taken.
    fn fill(&self, hash: u64, out: &mut [u32]) -> usize {
        let zone_of = |node: u32| self.zones.of_node[node as usize];
        let position = self.circle.position(hash);
        let mut found = 0;
        let mut wanted = 0;
        for (round, zones) in self.zones.larger_than.iter().enumerate() {
            if found == out.len() {
                break;
            }
            wanted = out.len().min(wanted + zones);
            let mut owners = self.circle.owners_from(position);
            while found < wanted {
                let node = owners
                    .next()
                    .expect("a round ends when all zones with a node left gave one");
                let taken = &out[..found];
                let in_zone = taken.iter().filter(|other| zone_of(**other) == zone_of(node)).count();
                if in_zone == round && !taken.contains(&node) {
                    out[found] = node;
                    found += 1;
                }
            }
        }
        out[found..].fill(NO_NODE);
        found
    }
}

fn check_replicas(replicas: usize) -> Result<(), RingError> {
    if replicas > REPLICAS_MAX {
        return Err(RingError::TooManyReplicas { replicas });
    }
    Ok(())
}
