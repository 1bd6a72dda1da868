//! What every enum of kinds.rs can do: its number is converted once, where it comes in, and matched exhaustively from there on.
//! Knows none of them.

/// Enums with a number for each value: `TryFrom` the number is an error for one that is unknown, `From` gives it back.
macro_rules! numbered {
    ($(
        $(#[$about:meta])*
        $name:ident: $number:ident, $unknown:literal { $($(#[$of:meta])* $value:ident = $is:literal,)+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr($number)]
        pub enum $name {
            $($(#[$of])* $value = $is,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];
        }

        impl TryFrom<$number> for $name {
            type Error = $crate::Malformed;

            #[inline]
            fn try_from(number: $number) -> Result<Self, $crate::Malformed> {
                match number {
                    $($is => Ok(Self::$value),)+
                    _ => Err($crate::Malformed($unknown)),
                }
            }
        }

        impl From<$name> for $number {
            #[inline]
            fn from(value: $name) -> Self {
                value as Self
            }
        }
    )+};
}

pub(crate) use numbered;

#[cfg(test)]
mod tests {
    use crate::{Code, CommandKind, EntryKind, Malformed, Role};

    #[test]
    fn a_number_is_its_kind_and_a_kind_its_number() {
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::try_from(u8::from(*kind)), Ok(*kind));
        }
        let known = (0..=u16::MAX).filter_map(|number| CommandKind::try_from(number).ok());
        assert!(known.eq(CommandKind::ALL.iter().copied()));
    }

    #[test]
    fn an_unknown_number_is_an_error_with_a_code() {
        let unknown = Role::try_from(4);
        assert_eq!(unknown, Err(Malformed("an unknown role")));
        assert_eq!(unknown.map_err(Malformed::code), Err(Code::ProtocolError));
    }
}
