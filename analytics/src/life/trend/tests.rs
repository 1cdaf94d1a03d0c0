use super::*;
use crate::rotating::testing::Noise;

/// ln of ten times the baseline.
const END: f64 = std::f64::consts::LN_10;

/// How damage may grow. Only the first is what a member of the set assumes exactly.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// A line in the logarithm, noise about it.
    Exponential,
    /// The logarithm wanders with a drift.
    Wander,
    /// A crack: its growth a power of its length (Paris), jumping by chance; the level 1 + length.
    Crack,
    /// The level grows by random pieces of equal mean, so that its logarithm bends down.
    Linear,
    /// The logarithm grows by random pieces.
    Gamma,
}

const FORMS: [Form; 5] = [Form::Exponential, Form::Wander, Form::Crack, Form::Linear, Form::Gamma];

/// A sum of `shape` exponentials of mean 1.
fn pieces(noise: &mut Noise, shape: usize) -> f64 {
    (0..shape).map(|_| -noise.uniform().ln()).sum()
}

/// ln of the level at each step until it passes the end, without and with the noise of a record.
fn path(form: Form, noise: &mut Noise) -> Vec<(f64, f64)> {
    let life = 40.0 + 120.0 * noise.uniform();
    let scatter = 0.05 + 0.15 * noise.uniform();
    let (power, diffusion) = (1.0 + 0.6 * noise.uniform(), 0.02 + 0.06 * noise.uniform());
    let rate =
        if power > 1.001 { (0.5f64.powf(1.0 - power) - 9f64.powf(1.0 - power)) / (power - 1.0) } else { 18f64.ln() };
    let (mut state, mut out) = (if matches!(form, Form::Crack | Form::Linear) { 0.5 } else { 0.4 }, Vec::new());
    loop {
        let y = if matches!(form, Form::Crack | Form::Linear) { f64::ln(1.0 + state) } else { state };
        if y >= END || out.len() > 2000 {
            return out;
        }
        out.push((y, y + scatter * noise.normal()));
        state += match form {
            Form::Exponential => (END - 0.4) / life,
            Form::Wander => (END - 0.4) / life + diffusion * noise.normal(),
            Form::Crack => rate / life * state.powf(power) * pieces(noise, 4) / 4.0,
            Form::Linear => 8.5 / life * pieces(noise, 2) / 2.0,
            Form::Gamma => (END - 0.4) / life * pieces(noise, 1),
        };
    }
}

/// Predictions made at four parts of life that were told, and of these those that held the truth between P10 and P90.
fn coverage(form: Form, runs: usize, noise: &mut Noise) -> (usize, usize, usize) {
    let (mut asked, mut told, mut held) = (0, 0, 0);
    for _ in 0..runs {
        let path = path(form, noise);
        let marks = [0.4, 0.6, 0.8, 0.9].map(|part| (part * path.len() as f64) as usize);
        let mut trend = Trend::new(10.0);
        for (i, (_, y)) in path.iter().enumerate() {
            trend.step(10.0 * i as f64, *y);
            if !marks.contains(&i) {
                continue;
            }
            asked += 1;
            if let Ok(r) = trend.remaining(END) {
                assert!(r.p10_s <= r.p50_s && r.p50_s <= r.p90_s && r.p90_s <= 5.0 * r.p10_s + 1e-9);
                told += 1;
                held += usize::from((r.p10_s..=r.p90_s).contains(&(10.0 * (path.len() - i) as f64)));
            }
        }
    }
    (asked, told, held)
}

#[test]
fn bounds_cover_eight_of_ten_over_damage_of_several_kinds() {
    let mut noise = Noise::new(51);
    let (mut told, mut held) = (0, 0);
    for form in FORMS {
        let (asked, t, h) = coverage(form, 50, &mut noise);
        println!("{form:?}: asked {asked}, told {t}, of which held {h}: {:.2}", h as f64 / t.max(1) as f64);
        assert!(t > asked / 10, "{form:?}: {t} of {asked} told");
        assert!(h as f64 > 0.55 * t as f64, "{form:?}: {h} of {t}");
        (told, held) = (told + t, held + h);
    }
    let share = held as f64 / told as f64;
    println!("all: {share:.3} of {told}");
    assert!((0.75..=0.88).contains(&share), "{share}");
}

#[test]
fn a_clean_exponential_is_told_early_and_well() {
    let mut noise = Noise::new(52);
    let mut trend = Trend::new(60.0);
    for i in 0..60 {
        trend.step(60.0 * f64::from(i), 0.3 + 0.02 * f64::from(i) + 0.05 * noise.normal());
    }
    // 2.3026 is reached at step 100.1; the last record was step 59.
    let r = trend.remaining(END).unwrap();
    assert!((r.p50_s / (60.0 * 41.1) - 1.0).abs() < 0.35, "{r:?}");
    assert!(r.p10_s < 60.0 * 41.1 && r.p90_s > 60.0 * 41.1, "{r:?}");
    assert_eq!(r.confidence.records, 60);
    assert!((r.confidence.spread - r.p90_s / r.p10_s).abs() < 1e-9);
    assert!(!r.confidence.codes.contains(&"few_records"));
}

#[test]
fn what_cannot_be_told_is_refused() {
    let mut noise = Noise::new(53);
    let mut trend = Trend::new(1.0);
    for i in 0..7 {
        trend.step(f64::from(i), 0.1 * f64::from(i));
        // None of these is a record.
        for (t, y) in [(f64::NAN, 1.0), (f64::from(i) + 0.5, f64::NAN), (0.0, 9.0), (f64::from(i), 9.0)] {
            trend.step(t, y);
        }
    }
    assert_eq!(trend.remaining(END), Err("records"));
    let mut flat = Trend::new(1.0);
    (0..100).for_each(|i| flat.step(f64::from(i), 0.1 * noise.normal()));
    assert!(matches!(flat.remaining(END), Err("no_trend" | "spread")), "{:?}", flat.remaining(END));
    let mut over = Trend::new(1.0);
    (0..20).for_each(|i| over.step(f64::from(i), 3.0 + 0.1 * noise.normal()));
    assert_eq!(over.remaining(END), Err("passed"));
    // Absurd levels and intervals end in a refusal or in numbers, never in a panic.
    for (unit, y) in [(0.0, 1e300), (f64::NAN, -1e300), (1e-9, 0.0), (1e12, 1.0)] {
        let mut t = Trend::new(unit);
        (0..50).for_each(|i| t.step(f64::from(i), y));
        if let Ok(r) = t.remaining(END) {
            assert!(r.p10_s.is_finite() && r.p90_s.is_finite());
        }
    }
}
