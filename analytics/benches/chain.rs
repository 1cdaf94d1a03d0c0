//! The chain on one core, whole and in parts: `cargo bench -p analytics`. Target: 5 ms for 65,536 samples, 2 ms for
//! 25,600, at least 20 times as fast as `scipy_reference.py`.
#![allow(missing_docs, reason = "the macros of criterion make items without")]

use std::hint::black_box;

use analytics::rotating::testing::{Noise, add_impacts};
use analytics::rotating::{Analyser, Context, Plans, Stated, check, time_features};
use criterion::{Criterion, criterion_group, criterion_main};
use plant::{BearingOrders, Speed};

const FS: f64 = 25_600.0;
const ORDERS: BearingOrders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };

fn record(n: usize) -> Vec<f64> {
    let mut noise = Noise::new(42);
    let mut x = noise.normals(n);
    add_impacts(&mut x, FS, 3.58 * 24.75, 4800.0, 5.0, &mut noise);
    x
}

fn chain(c: &mut Criterion) {
    let mut analyser = Analyser::new(Plans::default());
    let speed = Ok(Speed { mean_rpm: 1485.0, range_rpm: None });
    let context = Context { speed, nominal_rpm: None, bearings: &[ORDERS.into()], alpha: 1e-4 };
    for n in [25_600, 65_536] {
        let x = record(n);
        c.bench_function(&format!("chain/{n}"), |b| {
            b.iter(|| analyser.analyse(black_box(&x), FS, &Stated::default(), &context));
        });
    }
    let x = record(65_536);
    c.bench_function("guard/65536", |b| b.iter(|| check(black_box(&x), &Stated::default())));
    c.bench_function("features/65536", |b| b.iter(|| time_features(black_box(&x))));
}

criterion_group!(benches, chain);
criterion_main!(benches);
