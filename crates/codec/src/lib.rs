//! rafterdb-codec
