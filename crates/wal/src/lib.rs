//! rafterdb-wal
