//! Compiles a module ahead of time, for the command to carry: `cargo xtask build` runs it, and `build.rs` takes the result.
//!
//! It is not part of the command, which is built once and with the result inside.

use std::env;
use std::fs;
use std::process::ExitCode;

use fingerpost_simulator::Module;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [wasm, result] = arguments.as_slice() else {
        eprintln!("Usage: precompile MODULE.wasm RESULT.cwasm");
        return ExitCode::from(2);
    };
    match precompile(wasm, result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("precompile: {error}");
            ExitCode::from(5)
        }
    }
}

fn precompile(wasm: &str, result: &str) -> Result<(), String> {
    let bytes = fs::read(wasm).map_err(|error| format!("{wasm}: {error}"))?;
    let compiled = Module::precompile(bytes).map_err(|error| format!("{wasm}: {error}"))?;
    fs::write(result, compiled).map_err(|error| format!("{result}: {error}"))
}
