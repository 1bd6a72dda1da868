//! Goal: every way to look a key up gives the node that the definition names, at every edge of every arc.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{hash_key, Keys};

proptest! {
    #[test]
    fn at_every_edge(nodes in any_nodes(12), options in any_options(), more in prop::collection::vec(any::<u64>(), 50)) {
        let naive = Naive::new(&nodes, options);
        let ring = ring(&nodes, options);
        let hashes = [naive.edges(), more].concat();
        let mut found = vec![0; hashes.len()];
        ring.lookup_hashes(&hashes, &mut found).unwrap();
        for (hash, found) in hashes.into_iter().zip(found) {
            prop_assert_eq!(found, naive.owner(hash), "hash {:#x}", hash);
            prop_assert_eq!(ring.lookup_hash(hash), found);
        }
    }

    #[test]
    fn keys_alone_and_in_a_batch(
        nodes in any_nodes(12),
        options in any_options(),
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..400),
    ) {
        let naive = Naive::new(&nodes, options);
        let ring = ring(&nodes, options);
        // The first key does not have to start at the start of the buffer.
        let buffer = [b"unused".as_slice(), &keys.concat(), b"unused"].concat();
        let mut offsets = vec![6];
        for key in &keys {
            offsets.push(offsets[offsets.len() - 1] + key.len() as u32);
        }
        let batch = Keys::new(&buffer, &offsets).unwrap();
        let mut found = vec![u32::MAX; keys.len()];
        ring.lookup_many(batch, &mut found).unwrap();
        for (key, found) in keys.iter().zip(found) {
            prop_assert_eq!(found, naive.owner(hash_key(key)));
            prop_assert_eq!(ring.lookup(key), found);
        }
    }
}
