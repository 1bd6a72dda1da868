//! How the CRC-32C kernels become functions of one instruction set, compiled for its features. Knows no particular set.

/// The functions of an `InstructionSet`, compiled for its features, and whether a machine has all of those: one list for both. Three
/// functions, so that short inputs do not pay for what long ones need. `and` lists what must be there without being compiled for.
macro_rules! functions {
    ($set:ident, $detected:ident, [$($feature:tt),+] $(and [$($more:tt),+])?) => {
        /// Whether this machine has them.
        pub(super) fn available() -> bool {
            $($detected!($feature))&&+ $($(&& $detected!($more))+)?
        }

        /// The CRC-32C of what `crc` was computed over, followed by `bytes`.
        $(#[target_feature(enable = $feature)])+
        pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
            if bytes.len() < <$set as InstructionSet>::SHORT {
                // SAFETY: this function has the features, and runs only where the machine does.
                !crate::crc32c::short::short(unsafe { $set::assume() }, !crc, bytes)
            } else if bytes.len() < <$set as InstructionSet>::LONG {
                medium(crc, bytes)
            } else {
                long(crc, bytes)
            }
        }

        $(#[target_feature(enable = $feature)])+
        #[inline(never)]
        fn medium(crc: u32, bytes: &[u8]) -> u32 {
            // SAFETY: as above.
            !crate::crc32c::long::medium(unsafe { $set::assume() }, !crc, bytes)
        }

        $(#[target_feature(enable = $feature)])+
        #[inline(never)]
        fn long(crc: u32, bytes: &[u8]) -> u32 {
            // SAFETY: as above.
            !crate::crc32c::long::long(unsafe { $set::assume() }, !crc, bytes)
        }

        /// The CRC-32C of each key, written to the place of the same number.
        $(#[target_feature(enable = $feature)])+
        pub(super) fn many(keys: crate::Keys<'_>, out: &mut [u32]) {
            // SAFETY: as above.
            let m = unsafe { $set::assume() };
            for (key, out) in keys.iter().zip(out) {
                // Short keys without a call for each.
                *out = match key.len() < <$set as InstructionSet>::SHORT {
                    true => !crate::crc32c::short::short(m, !0, key),
                    false => append(0, key),
                };
            }
        }
    };
}
pub(super) use functions;
