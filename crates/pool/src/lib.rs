//! rafterdb-pool
