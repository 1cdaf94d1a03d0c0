use super::*;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn high(deadband: f64) -> Definition {
    Definition { side: Side::Above, limit: 80.0, deadband, on_delay: secs(0), off_delay: secs(0) }
}

/// Uniform on -1 to 1.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        2.0 * ((state >> 33) as f64 / f64::from(1u32 << 31)) - 1.0
    }
}

/// Ten hours of a slow sine about 80 with noise on it, once a second; its period is half an hour, and it begins and ends at
/// its lowest.
fn wavy(amplitude: f64, hiss: f64) -> Vec<f64> {
    let mut noise = noise(3);
    let wave = |i: i32| (f64::from(i) * std::f64::consts::TAU / 1_800.0).cos();
    (0..36_000).map(|i| 80.0 - amplitude * wave(i) + hiss * noise()).collect()
}

fn advise(current: Definition, span: f64, values: &[f64]) -> Advice {
    let mut coach = Coach::new(current, span);
    for (i, v) in values.iter().enumerate() {
        coach.look(at(1_000 * i as i64), *v);
    }
    coach.finish(at(1_000 * values.len() as i64))
}

fn of(advice: &Advice, means: Means) -> &Alternative {
    advice.alternatives.iter().find(|a| a.means == means).unwrap()
}

#[test]
fn a_sine_with_noise_around_its_limit_wants_the_deadband_that_the_noise_spans() {
    let advice = advise(high(0.0), 200.0, &wavy(12.0, 1.0));
    assert!(advice.raised > 200 && advice.most_in_minute > 10, "{advice:?}");
    // Twenty crossings upwards, one every half hour.
    assert_eq!((advice.excursions, advice.verdict, advice.values), (20, Verdict::Solved, 36_000));
    let deadband = of(&advice, Means::Deadband);
    assert!(deadband.solves && deadband.raised == 20 && deadband.swallowed == 0, "{deadband:?}");
    // The noise spans 2; 0.75 % of 200 are 1.5, 1 % are 2: which of the two is enough, the replay says.
    assert!((1.0..=2.0).contains(&deadband.definition.deadband), "{deadband:?}");
    // A deadband announces nothing later: it is crossed outwards at the limit as before.
    assert_eq!(deadband.later_most, secs(0));
    assert!(deadband.standing > advice.standing);
    // A delay that waits for the noise to be over on the way up announces every excursion, later.
    let on = of(&advice, Means::OnDelay);
    assert!(on.solves && on.later_median > secs(0) && on.later_most >= on.later_median, "{on:?}");
    let off = of(&advice, Means::OffDelay);
    assert!(off.solves && off.later_most == secs(0) && off.merged == 0, "{off:?}");
    assert_ne!(advice.alternatives[advice.best.unwrap()].means, Means::OnDelay, "it is the one that costs time");
}

#[test]
fn every_alternative_is_what_its_replay_says_and_the_next_smaller_one_does_not_solve_it() {
    let values = wavy(3.0, 1.5);
    let advice = advise(high(0.5), 100.0, &values);
    for a in &advice.alternatives {
        let mut player = Player::new(a.definition);
        for (i, v) in values.iter().enumerate() {
            player.look(at(1_000 * i as i64), *v);
        }
        let run = player.finish(at(36_000_000));
        assert_eq!((run.raised, run.most_in_minute, run.standing), (a.raised, a.most_in_minute, a.standing));
        assert_eq!(a.announced + a.swallowed, advice.excursions);
        if !a.solves {
            continue;
        }
        assert!(a.raised <= advice.excursions && a.most_in_minute < 3);
        let smaller = match a.means {
            Means::Deadband => DEADBANDS.iter().map(|p| p * 100.0).rfind(|d| *d < a.definition.deadband),
            Means::OnDelay => DELAYS.into_iter().rfind(|d| secs(*d) < a.definition.on_delay).map(|d| d as f64),
            Means::OffDelay => DELAYS.into_iter().rfind(|d| secs(*d) < a.definition.off_delay).map(|d| d as f64),
        };
        let Some(smaller) = smaller else { continue };
        let d = match a.means {
            Means::Deadband if smaller > 0.5 => Definition { deadband: smaller, ..high(0.5) },
            Means::Deadband => continue,
            Means::OnDelay => Definition { on_delay: secs(smaller as u64), ..high(0.5) },
            Means::OffDelay => Definition { off_delay: secs(smaller as u64), ..high(0.5) },
        };
        let mut player = Player::new(d);
        for (i, v) in values.iter().enumerate() {
            player.look(at(1_000 * i as i64), *v);
        }
        let run = player.finish(at(36_000_000));
        assert!(run.raised > advice.excursions || run.most_in_minute >= 3, "{:?} of {smaller} would do", a.means);
    }
}

#[test]
fn short_excursions_are_swallowed_by_an_on_delay_and_that_is_said() {
    // Chatter for twenty seconds, and an hour later a true excursion of eight seconds.
    let mut values = vec![70.0; 7_200];
    for i in 0..20 {
        values[100 + i] = if i % 2 == 0 { 81.0 } else { 79.0 };
    }
    values[3_600..3_608].fill(95.0);
    let advice = advise(high(0.5), 100.0, &values);
    assert_eq!((advice.raised, advice.excursions, advice.most_in_minute), (11, 2, 10));
    let on = of(&advice, Means::OnDelay);
    // One second is longer than each of the chatter's steps: its excursion is swallowed, the true one comes a second later.
    assert_eq!((on.definition.on_delay, on.solves, on.raised, on.swallowed), (secs(1), true, 1, 1));
    assert_eq!((on.later_most, on.swallowed_examples[0].raised, on.swallowed_examples[0].extreme), (secs(1), 10, 81.0));
    // The deadband swallows nothing.
    let best = &advice.alternatives[advice.best.unwrap()];
    assert_eq!((best.means, best.swallowed, best.later_most), (Means::Deadband, 0, secs(0)));
}

#[test]
fn what_a_large_deadband_merges_is_counted() {
    // Two excursions with a dip between them that is longer than a minute and shallower than the deadband.
    let mut values = vec![60.0; 1_000];
    values[100..200].fill(85.0);
    values[200..300].fill(78.0);
    values[300..400].fill(85.0);
    let mut coach = Coach::new(high(0.0), 100.0);
    values.iter().enumerate().for_each(|(i, v)| coach.look(at(1_000 * i as i64), *v));
    let kept = excursions(&coach.current.clone().finish(at(1_000_000)).firings, Side::Above);
    assert_eq!(kept.len(), 2);
    let run = {
        let mut player = Player::new(high(5.0));
        values.iter().enumerate().for_each(|(i, v)| _ = player.look(at(1_000 * i as i64), *v));
        player.finish(at(1_000_000))
    };
    let a = weigh(Means::Deadband, high(5.0), (&run, true), &kept);
    assert_eq!((a.announced, a.merged, a.swallowed, a.raised), (2, 1, 0, 1));
}

#[test]
fn where_nothing_is_wrong_or_nothing_helps_it_says_so() {
    let quiet = advise(high(0.0), 100.0, &[70.0; 100]);
    assert_eq!((quiet.verdict, quiet.best, quiet.alternatives.len()), (Verdict::NeverRaised, None, 0));
    // Every five minutes, for a minute: often, but no chatter.
    let slow: Vec<f64> = (0..36_000).map(|i| if i % 300 < 60 { 90.0 } else { 70.0 }).collect();
    assert_eq!(advise(high(0.0), 100.0, &slow).verdict, Verdict::NoChatter);
    // A square wave of twenty seconds for ten hours: only what joins it all to one, or ends it, is quiet.
    let square: Vec<f64> = (0..36_000).map(|i| if i % 20 < 10 { 130.0 } else { 30.0 }).collect();
    let advice = advise(high(0.0), 100.0, &square);
    assert_eq!((advice.excursions, of(&advice, Means::Deadband).solves), (1, false));
    assert!(!of(&advice, Means::OnDelay).solves, "all it can do is be silent");
    assert!(of(&advice, Means::OffDelay).solves);
    // Nothing of the grid is longer than what is set.
    let long = Definition { on_delay: secs(0), off_delay: secs(0), deadband: f64::INFINITY, ..high(0.0) };
    assert_eq!(advise(long, f64::NAN, &square).verdict, Verdict::NoChatter);
}

#[test]
fn more_raisings_than_are_kept_are_counted_and_said() {
    let fast: Vec<f64> = (0..60_000).map(|i| if i % 2 == 0 { 81.0 } else { 79.0 }).collect();
    let advice = advise(high(0.0), 100.0, &fast);
    assert_eq!((advice.raised, advice.cut, advice.excursions), (30_000, true, 1));
    assert!(of(&advice, Means::Deadband).solves);
}
