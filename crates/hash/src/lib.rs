//! rafterdb-hash
