//! Fields of which a message may have only one: an enumeration on our side.

use super::{Decoder, Field, Schema, is_key, name_list, suggest, warn_of_snake_case};
use crate::camel_case::camel_case;
use crate::code::Code;
use crate::yaml::{Entry, Node, Value};

/// An enumeration whose variants are fields of the message around it.
pub(crate) trait OneOf: Sized {
    /// The fields of which one may be set.
    fn fields() -> Vec<Field>;

    /// Reads the field with the proto name `name`, which is one of `fields`.
    fn read(name: &str, entry: &Entry, cx: &mut Decoder<'_>) -> Option<Self>;
}

impl Decoder<'_> {
    /// Reads `entry` into `slot` if it is one of its fields.
    pub(crate) fn one_of<T: OneOf>(&mut self, slot: &mut Option<T>, entry: &Entry) -> bool {
        let fields = T::fields();
        let Some(field) = fields.iter().find(|it| is_key(&entry.key, it.name)) else {
            return false;
        };
        if entry.value.is_null() {
            return true;
        }
        warn_of_snake_case(entry, self);
        if slot.is_some() {
            let names: Vec<_> = fields.iter().map(|it| camel_case(it.name)).collect();
            let message = format!("only one of {} can be set", name_list(&names, "and"));
            let length = self.enter_field(&entry.key);
            self.refuse(Code::OneOf, entry.key_place, message);
            self.leave_field(length);
            return true;
        }
        *slot = T::read(field.name, entry, self);
        true
    }
}

/// Reads a message that is nothing but a choice of fields, such as `HTTPBody`.
pub(crate) fn decode_alone<T: OneOf>(
    node: &Node,
    schema: &'static Schema,
    cx: &mut Decoder<'_>,
) -> Option<T> {
    let mut slot = None;
    let Value::Map(entries) = &node.value else {
        let names: Vec<_> = T::fields().iter().map(|it| camel_case(it.name)).collect();
        let finding = cx.wrong_type(node, &format!("a map with {}", name_list(&names, "or")));
        if let (Value::Scalar(scalar), [first, others @ ..]) = (&node.value, names.as_slice()) {
            let mut help = format!("write `{{{first}: {}}}`", scalar.as_yaml());
            if others.len() > 1 {
                help += &format!(", or the same with {}", name_list(others, "or"));
            }
            finding.help(help);
        }
        return None;
    };
    cx.around.push((schema, cx.path().to_owned()));
    for entry in entries {
        if !cx.one_of(&mut slot, entry) && cx.strict {
            suggest::unknown_field(entry, cx);
        }
    }
    cx.around.pop();
    slot
}

/// Declares a choice of fields: `Name { Variant(Type) = field_name, … }`.
macro_rules! oneof {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident($type:ty) = $key:ident ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the reference that the module links describes the fields")]
        pub enum $name {
            $( $(#[$variant_meta])* $variant($type), )*
        }

        impl $crate::decode::OneOf for $name {
            fn fields() -> Vec<$crate::decode::Field> {
                vec![$(
                    $crate::decode::Field {
                        name: stringify!($key),
                        schema: <$type as $crate::decode::Decode>::schema,
                    },
                )*]
            }

            fn read(
                name: &str,
                entry: &$crate::yaml::Entry,
                cx: &mut $crate::decode::Decoder<'_>,
            ) -> Option<Self> {
                $(
                    if name == stringify!($key) {
                        return Some(Self::$variant(cx.field(entry)));
                    }
                )*
                None
            }
        }
    )*};
}

pub(crate) use oneof;
