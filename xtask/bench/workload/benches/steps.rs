//! How long the steps take, by criterion: `cargo xtask bench steps`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use fingerpost_workload::{Kind, Step, filter_config};

/// The sizes of the tables.
const RULES: [usize; 3] = [10, 1_000, 10_000];

fn steps(criterion: &mut Criterion) {
    for step in [Step::Decide, Step::Load, Step::Compile] {
        let mut group = criterion.benchmark_group(step.name());
        match step {
            Step::Decide => {}
            Step::Load | Step::Compile => {
                group
                    .sample_size(10)
                    .sampling_mode(SamplingMode::Flat)
                    .measurement_time(Duration::from_secs(3));
            }
        }
        for kind in Kind::ALL {
            for count in RULES {
                let prepared = filter_config(kind, count)
                    .and_then(|config| step.prepare(kind, count, config))
                    .unwrap_or_else(|error| panic!("{kind}, {count} rules: {error}"));
                match step {
                    Step::Decide => group.throughput(Throughput::Elements(3)),
                    Step::Load | Step::Compile => group.throughput(Throughput::Elements(count as u64)),
                };
                group.bench_with_input(
                    BenchmarkId::new(kind.name(), count),
                    &prepared,
                    |bencher, prepared| {
                        bencher.iter(|| black_box(prepared.run()));
                    },
                );
            }
        }
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
