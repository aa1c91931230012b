//! Reads what callgrind writes: <https://valgrind.org/docs/manual/cl-format.html>, without compression.

use std::collections::BTreeMap;

use super::baseline::Cost;

/// Functions of the C library that give memory, or move it to where there is more.
const ALLOCATIONS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
];

/// What a program cost: the instructions of its own functions, and how often it asked for memory,
/// outside of the step too.
pub(super) fn read(text: &str, program: &str) -> Result<Cost, String> {
    let mut cost = Cost::default();
    let mut functions: BTreeMap<String, u64> = BTreeMap::new();
    let mut events = None;
    let mut is_own = false;
    let mut function = String::new();
    let mut callee = String::new();
    let mut is_of_call = false;
    for line in text.lines() {
        if let Some(names) = line.strip_prefix("events: ") {
            events = names.split(' ').position(|it| it == "Ir");
        } else if let Some(object) = line.strip_prefix("ob=") {
            is_own = object.rsplit('/').next() == Some(program);
        } else if let Some(name) = line.strip_prefix("fn=") {
            function = without_hash(name).to_owned();
        } else if let Some(name) = line.strip_prefix("cfn=") {
            name.clone_into(&mut callee);
        } else if let Some(call) = line.strip_prefix("calls=") {
            // The next line is the cost of the call: the callee counts it for itself.
            is_of_call = true;
            let times: u64 = first_number(call).ok_or_else(|| format!("no number of calls in `{line}`"))?;
            if is_own && ALLOCATIONS.contains(&symbol(&callee)) {
                cost.allocations += times;
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            if std::mem::take(&mut is_of_call) || !is_own {
                continue;
            }
            let column = events.ok_or("it counts no instructions")?;
            let number = line.split(' ').nth(column + 1).and_then(|it| it.parse().ok());
            let number: u64 = number.ok_or_else(|| format!("no cost in `{line}`"))?;
            cost.instructions += number;
            *functions.entry(function.clone()).or_default() += number;
        }
    }
    if cost.instructions == 0 {
        return Err(format!("no instruction of {program} was counted"));
    }
    cost.functions = functions;
    Ok(cost)
}

fn first_number(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// The name of a function of C, without the version that the linker chose.
fn symbol(name: &str) -> &str {
    name.split(['@', '\'']).next().unwrap_or(name)
}

/// A name without the hash of its crate, which every change of the crate changes.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((before, hash)) if hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit()) => before,
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
version: 1
creator: callgrind-3.19.0
positions: line
events: Ir

ob=/somewhere/program
fl=???
fn=routing::decide::h0123456789abcdef
0 100
cob=/lib/libc.so.6
cfn=malloc
calls=3 0
0 900
cfn=routing::check
calls=1 0
0 40
0 7

fn=routing::check
0 40

ob=/lib/libc.so.6
fn=malloc
0 900
cfn=calloc
calls=2 0
0 11

totals: 1047
";

    #[test]
    fn only_the_programs_own_instructions_count() {
        let cost = read(OUTPUT, "program").expect("it is callgrind's");
        assert_eq!(cost.instructions, 147);
        assert_eq!(cost.allocations, 3);
        let functions: Vec<_> = cost
            .functions
            .iter()
            .map(|(name, cost)| (name.as_str(), *cost))
            .collect();
        assert_eq!(functions, [("routing::check", 40), ("routing::decide", 107)]);
    }

    #[test]
    fn an_output_without_the_program_is_an_error() {
        assert!(read(OUTPUT, "other").is_err());
        assert!(read("", "program").is_err());
    }
}
