//! Gathers items into batches by count, bytes or time, and waits only while other work is under way. Knows nothing of the items.
