//! rafterdb-plane
