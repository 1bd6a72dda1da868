//! The hashes of rafterdb: CRC-32C for what is stored and sent, XXH3 for placing and sampling.
//! Each has one definition; the SIMD path is chosen at run time and gives the same bits on every machine.

mod crc32c;
mod keys;
mod path;
mod xxh3;

pub use crc32c::{
    crc32c, crc32c_append, crc32c_append_on, crc32c_combine, crc32c_many, crc32c_many_on, crc32c_path, Crc32c,
};
pub use keys::{Keys, KeysError};
pub use path::Path;
pub use xxh3::{xxh3_128, xxh3_128_on, xxh3_64, xxh3_64_many, xxh3_64_on, xxh3_path, Xxh3};
