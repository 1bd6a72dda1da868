//! rafterdb-binding
