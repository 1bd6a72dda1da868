//! What the machine is made of: NUMA nodes, cores and caches, and on which of them a thread runs.
