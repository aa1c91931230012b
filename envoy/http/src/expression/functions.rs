//! Which functions Envoy has in expressions: cel-cpp's standard ones without conversion to strings, and `re`.
//!
//! Types are not checked, only how many arguments there are: as cel-cpp does for an expression without declarations
//! (`eval/compiler/qualified_reference_resolver.cc`). Tried with every name of cel-cpp's standard functions and extensions.

/// Whether there is a function of that name with so many arguments. A leading dot is allowed.
pub(super) fn is_function(name: &str, arguments: usize) -> bool {
    match name.strip_prefix('.').unwrap_or(name) {
        "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "size" | "timestamp" | "type" | "uint" => {
            arguments == 1
        }
        "contains" | "endsWith" | "matches" | "startsWith" | "re.capture" | "re.captureN" => arguments == 2,
        "re.extract" => arguments == 3,
        // The names that operators had in earlier versions of the language; with a dot they are unknown.
        _ => matches!((name, arguments), ("__not_strictly_false__", 1) | ("_in_", 2)),
    }
}

/// Whether there is a method of that name with so many arguments.
pub(super) fn is_method(name: &str, arguments: usize) -> bool {
    match name {
        "size" => arguments == 0,
        "contains" | "endsWith" | "matches" | "startsWith" => arguments == 1,
        "getDate" | "getDayOfMonth" | "getDayOfWeek" | "getDayOfYear" | "getFullYear" | "getHours"
        | "getMilliseconds" | "getMinutes" | "getMonth" | "getSeconds" => arguments <= 1,
        _ => false,
    }
}

/// Whether a method is a macro that iterates, which Envoy disables.
pub(super) fn is_comprehension(name: &str, arguments: usize) -> bool {
    match name {
        "all" | "exists" | "exists_one" | "filter" => arguments == 2,
        "map" => matches!(arguments, 2 | 3),
        _ => false,
    }
}
