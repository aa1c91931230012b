//! How fast the simulator is with a module: `speed <module.wasm> <configuration> <path> [requests]`.

use fingerpost_simulator::{Module, Plugin, Request};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [wasm, configuration, path, rest @ ..] = arguments.as_slice() else {
        return Err("speed <module.wasm> <configuration> <path> [requests]".into());
    };
    let requests: u32 = rest.first().map_or(Ok(100_000), |count| count.parse())?;
    let wasm = std::fs::read(wasm)?;
    let configuration = std::fs::read(configuration)?;
    let cache = std::env::temp_dir().join("fingerpost-speed");

    let compiling = Instant::now();
    let plugin = |module| Plugin::of(module).config(configuration.clone());
    let mut simulator = plugin(Module::compile(&wasm)?).start()?;
    println!("start, compiling:     {:?}", compiling.elapsed());
    Module::cached(&wasm, Path::new(&cache))?;
    let cached = Instant::now();
    plugin(Module::cached(&wasm, Path::new(&cache))?).start()?;
    println!("start, from a cache:  {:?}", cached.elapsed());

    let request = Request::get(path)
        .authority("reviews.example")
        .header("x-user", "jason");
    let outcome = simulator.request(request.clone());
    println!("{:?} {:?}", outcome.end, outcome.cost);
    for (name, value) in outcome.upstream.iter().flat_map(|it| it.headers.iter()) {
        println!("  {}: {}", name.escape_ascii(), value.escape_ascii());
    }
    let begin = Instant::now();
    for _ in 0..requests {
        simulator.request(request.clone());
    }
    report("request", requests, begin.elapsed());
    let begin = Instant::now();
    for _ in 0..requests {
        simulator.decide(request.headers.clone());
    }
    report("decide", requests, begin.elapsed());
    Ok(())
}

fn report(what: &str, requests: u32, took: Duration) {
    let each = took / requests;
    println!("{what}: {each:?} each, {:.0} a second", 1.0 / each.as_secs_f64());
}
