//! The macro that makes of one row all that a setting consists of.

use std::path::PathBuf;

/// Declares a table of settings: a struct with an optional member for each row.
///
/// A row says what the setting does, what its value is called in the help, its name, its type, and
/// its default: `= 100` if that is a value, `=> "half of another"` if it depends on something. Of
/// it come the option of the command line with its help, the key of the file, the merge of both,
/// and, where the default is a value, a method that returns what was said or the default.
macro_rules! settings {
    (
        $(#[$table_attribute:meta])*
        pub struct $table:ident {
            $(
                $(#[doc = $help:literal])+
                $(#[arg($($argument:tt)*)])?
                $value_name:literal $setting:ident: $kind:ty $(= $default:literal)? $(=> $derived:literal)?,
            )*
        }
        beside {
            $($(#[$beside_attribute:meta])* $beside:ident: $beside_kind:ty => $merge:path,)*
        }
    ) => {
        $(#[$table_attribute])*
        #[derive(clap::Args, Clone, Debug, Default, serde::Deserialize, PartialEq)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct $table {
            $(
                $(#[doc = $help])+
                #[arg(
                    long,
                    value_name = $value_name,
                    help = concat!($($help,)+ $(" [default: ", $default, "]",)? $(" [default: ", $derived, "]",)?).trim_ascii(),
                    $($($argument)*)?
                )]
                pub $setting: Option<$kind>,
            )*
            $($(#[$beside_attribute])* pub $beside: $beside_kind,)*
        }

        impl $table {
            /// The names of the settings, as files spell them with `-` for `_`.
            pub const NAMES: &[&str] = &[$(stringify!($setting)),*];

            /// These settings, and those of `file` where these say nothing.
            pub fn or(self, file: Self) -> Self {
                Self {
                    $($setting: self.$setting.or(file.$setting),)*
                    $($beside: $merge(self.$beside, file.$beside),)*
                }
            }

            $($(
                /// What was said, or the default.
                pub(crate) fn $setting(&self) -> $kind {
                    self.$setting.clone().unwrap_or_else(|| <$kind as $crate::settings::declare::FromDefault<_>>::from_default($default))
                }
            )?)*
        }
    };
}

pub(super) use settings;

/// How a default becomes a value, by the form in which a row writes it.
pub(super) trait FromDefault<Written> {
    fn from_default(written: Written) -> Self;
}

macro_rules! written_as_they_are {
    ($($kind:ty),+) => {
        $(impl FromDefault<$kind> for $kind {
            fn from_default(written: $kind) -> Self {
                written
            }
        })+
    };
}
written_as_they_are!(bool, u32, u64, usize);

impl FromDefault<&str> for String {
    fn from_default(written: &str) -> Self {
        written.to_owned()
    }
}

impl FromDefault<&str> for PathBuf {
    fn from_default(written: &str) -> Self {
        written.into()
    }
}
