//! A consistent-hash ring: weighted virtual nodes, replicas in distinct zones, bounded loads. Knows no network and no members.
