//! Declares messages and enumerations: the type, its fields and how to read them, from one table.

use super::Decoder;
use super::suggest;
use crate::camel_case::camel_case;
use crate::code::Code;
use crate::yaml::{Entry, Node, Value};

/// What is known of a message apart from its values.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The name in Istio's API, such as `HTTPRoute`.
    pub(crate) name: &'static str,
    pub(crate) fields: fn() -> Vec<Field>,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name in the proto file, such as `default_endpoint`.
    pub(crate) name: &'static str,
    /// The message it holds, if it holds messages.
    pub(crate) schema: fn() -> Option<&'static Schema>,
}

/// A struct that `message!` declared.
pub(crate) trait Message: Default {
    const SCHEMA: &'static Schema;

    /// Reads one field; false if there is none of that name.
    fn read(&mut self, entry: &Entry, cx: &mut Decoder<'_>) -> bool;
}

/// Reads a message from a map of its fields.
pub(crate) fn decode_message<M: Message>(node: &Node, cx: &mut Decoder<'_>) -> M {
    let mut message = M::default();
    let Value::Map(entries) = &node.value else {
        refuse_other_than_map(node, M::SCHEMA, cx);
        return message;
    };
    cx.around.push((M::SCHEMA, cx.path().to_owned()));
    for entry in entries {
        if !message.read(entry, cx) && cx.strict {
            suggest::unknown_field(entry, cx);
        }
    }
    cx.around.pop();
    message
}

/// A short message in place of which its first field was given is shown in full.
fn refuse_other_than_map(node: &Node, schema: &Schema, cx: &mut Decoder<'_>) {
    let fields = (schema.fields)();
    let names: Vec<_> = fields.iter().map(|it| camel_case(it.name)).collect();
    let wanted = format!("a map with {}", suggest::name_list(&names, "or"));
    let finding = cx.wrong_type(node, &wanted);
    if let (Value::Scalar(scalar), Some(first), 1..=3) = (&node.value, fields.first(), fields.len())
        && (first.schema)().is_none()
    {
        finding.help(format!(
            "write `{{{}: {}}}`",
            camel_case(first.name),
            scalar.as_yaml()
        ));
    }
}

/// Whether `key` is how the proto field `name` may be written.
pub(crate) fn is_key(key: &str, name: &str) -> bool {
    key == name || name.contains('_') && key.len() < name.len() && key == camel_case(name)
}

/// Proto names that the cluster's schema has beside the JSON name: `+kubebuilder:altName` in istio.io/api. The only other
/// one, `jwks_uri`, is a field of a kind that is not read here.
const KEPT_BY_CLUSTER: [&str; 1] = ["mirror_percent"];

/// Warns of a field in the spelling that proto's JSON form takes and the cluster's schema drops.
pub(crate) fn warn_of_snake_case(entry: &Entry, cx: &mut Decoder<'_>) {
    if cx.strict && entry.key.contains('_') && !KEPT_BY_CLUSTER.contains(&&*entry.key) {
        let length = cx.enter_field(&entry.key);
        let camel = camel_case(&entry.key);
        cx.warn(
            Code::SnakeCaseField,
            entry.key_place,
            format!("a cluster drops `{}`: its schema only knows `{camel}`", entry.key),
        )
        .help(format!("write `{camel}`"));
        cx.leave_field(length);
    }
}

/// Declares messages: `struct Name "ProtoName" { field: Type, field: Type = "proto_name" } oneof { field: Type }`.
///
/// The name of a field is that of the proto, or given after `=`.
macro_rules! message {
    ($(
        $(#[$meta:meta])*
        struct $name:ident $proto:literal {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty $(= $key:literal)? ),* $(,)?
        }
        $( oneof { $( $(#[$one_meta:meta])* $one:ident : $one_type:ty ),* $(,)? } )?
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[allow(missing_docs, reason = "the reference that the module links describes the fields")]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            $( $( $(#[$one_meta])* pub $one: Option<$one_type>, )* )?
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, cx: &mut $crate::decode::Decoder<'_>) -> Self {
                $crate::decode::decode_message(node, cx)
            }

            fn schema() -> Option<&'static $crate::decode::Schema> {
                Some(<Self as $crate::decode::Message>::SCHEMA)
            }
        }

        impl $crate::decode::Message for $name {
            const SCHEMA: &'static $crate::decode::Schema = &$crate::decode::Schema {
                name: $proto,
                fields: || {
                    #[allow(unused_mut)]
                    let mut fields = vec![$(
                        $crate::decode::Field {
                            name: $crate::decode::message!(@key $field $($key)?),
                            schema: <$type as $crate::decode::Decode>::schema,
                        },
                    )*];
                    $( $( fields.extend(<$one_type as $crate::decode::OneOf>::fields()); )* )?
                    fields
                },
            };

            fn read(
                &mut self,
                entry: &$crate::yaml::Entry,
                cx: &mut $crate::decode::Decoder<'_>,
            ) -> bool {
                $(
                    if $crate::decode::is_key(&entry.key, $crate::decode::message!(@key $field $($key)?)) {
                        $crate::decode::warn_of_snake_case(entry, cx);
                        self.$field = cx.field(entry);
                        return true;
                    }
                )*
                $( $(
                    if cx.one_of(&mut self.$one, entry) {
                        return true;
                    }
                )* )?
                false
            }
        }
    )*};
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}

/// Declares enumerations: `Name "ProtoName" { Variant = "NAME", 0; … }`, the default first.
macro_rules! choice {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $number:literal $text:literal ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the reference that the module links describes the values")]
        pub enum $name {
            #[default]
            $( $(#[$variant_meta])* $variant, )*
        }

        impl $name {
            /// The name in Istio's API.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, cx: &mut $crate::decode::Decoder<'_>) -> Self {
                cx.choice(node, &[$( ($text, $number, Self::$variant), )*])
            }
        }
    )*};
}

pub(crate) use {choice, message};
