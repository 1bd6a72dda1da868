//! rafterdb-net
