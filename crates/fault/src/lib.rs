//! rafterdb-fault
