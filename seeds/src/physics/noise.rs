//! Random numbers: xoshiro256++ (Blackman & Vigna 2019), one stream per machine and purpose.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Noise {
    rng: Xoshiro256PlusPlus,
    /// The polar method yields two at a time.
    spare: Option<f64>,
}

impl Noise {
    /// The stream of `purpose` under `seed`: the order in which streams are made does not matter.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let hash =
            purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        // seed_from_u64 spreads the 64 bits with SplitMix64, so neighbouring seeds give unrelated streams.
        Self { rng: Xoshiro256PlusPlus::seed_from_u64(hash ^ seed.rotate_left(32)), spare: None }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Normal with mean 0 and deviation 1 (Marsaglia's polar method: exact tails, so that kurtosis is 3).
    pub fn gauss(&mut self) -> f64 {
        if let Some(v) = self.spare.take() {
            return v;
        }
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let f = (-2.0 * s.ln() / s).sqrt();
                self.spare = Some(v * f);
                return u * f;
            }
        }
    }
}
