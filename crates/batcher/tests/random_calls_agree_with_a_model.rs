//! Goal: whatever the bounds and in whatever order items, ends of batches and time come, the batcher answers as the model does.

mod model;

use proptest::prelude::*;
use rafterdb_batcher::Batcher;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_answer_is_the_models(bounds in model::bounds(), calls in model::calls()) {
        let mut batcher = Batcher::new(bounds).unwrap();
        let found = model::check(&mut batcher, &bounds, &calls);
        prop_assert!(found.is_ok(), "{:?}: {}", bounds, found.unwrap_err());
    }
}
