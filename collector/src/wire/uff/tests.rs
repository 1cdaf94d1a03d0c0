use proptest::prelude::*;

use super::*;

const FORMS: [Form; 6] = [
    Form::Ascii { double: false },
    Form::Ascii { double: true },
    Form::Binary { big_endian: false, double: false },
    Form::Binary { big_endian: true, double: false },
    Form::Binary { big_endian: false, double: true },
    Form::Binary { big_endian: true, double: true },
];

fn signal(values: Vec<f64>) -> TimeData {
    TimeData {
        title: "pump 3, drive end".into(),
        date: "24-NOV-26 08:00:00".into(),
        response: ("PUMP".into(), 12, -3),
        start: 0.0,
        step: 3.90625e-5,
        label: "Acceleration".into(),
        unit: "m/s^2".into(),
        values,
    }
}

#[test]
fn every_form_is_read_back() {
    let signals = [signal(vec![1.5, -2.25, 1e-3, 0.0, -1e10, 6.0, 7.0]), signal(vec![0.5])];
    for form in FORMS {
        let found = decode(&encode(&signals, form)).unwrap();
        assert_eq!(found.skipped, 0);
        for (found, want) in found.signals.iter().zip(&signals) {
            assert_eq!(
                TimeData { values: vec![], ..found.clone() },
                TimeData { values: vec![], ..want.clone() },
                "{form:?}"
            );
            for (a, b) in found.values.iter().zip(&want.values) {
                assert!((a - b).abs() <= b.abs() * 1e-5, "{form:?}: {a} {b}");
            }
        }
        assert_eq!(found.signals.len(), 2);
    }
}

#[test]
fn what_is_no_time_signal_is_counted_and_passed_over() {
    let text = String::from_utf8(encode(&[signal(vec![1.0])], FORMS[0])).unwrap();
    let spectrum = text.replacen("    1         0", "    4         0", 1);
    let units = "    -1\n   164\n         1SI\n    -1\n";
    let crlf = text.replace('\n', "\r\n");
    let found = decode(format!("{units}{spectrum}{text}{crlf}").as_bytes()).unwrap();
    assert_eq!((found.signals.len(), found.skipped), (2, 2));
    assert_eq!(found.signals[0], found.signals[1]);
}

#[test]
fn numbers_without_space_between_them_and_words_are_both_read() {
    let text = String::from_utf8(encode(&[signal(vec![-1.0, -2.0])], FORMS[0])).unwrap();
    let line = "-1.00000E+00 -2.00000E+00\n";
    let at = text.find(" -1.00000E+00").unwrap();
    let end = text[at..].find('\n').unwrap() + at + 1;
    for (values, want) in
        [(line, vec![-1.0, -2.0]), ("-1.000000E+00-2.000000D+00\n", vec![-1.0, -2.0]), ("-1 -2\n", vec![-1.0, -2.0])]
    {
        let changed = format!("{}{values}{}", &text[..at], &text[end..]);
        assert_eq!(decode(changed.as_bytes()).unwrap().signals[0].values, want, "{values}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let good = String::from_utf8(encode(&[signal(vec![1.0, 2.0])], FORMS[0])).unwrap();
    let count = format!("{:10}{:10}{:10}", 2, 2, 1);
    for (bytes, why) in [
        (String::new(), "at least one data set"),
        ("hello\n".to_owned(), "-1 before a data set"),
        ("    -1\n    58\nNONE\n".to_owned(), "eleven lines"),
        ("    -1\n   151\nx\n".to_owned(), "-1 after a data set"),
        (good.replace(&count, &format!("{:10}{:10}{:10}", 2, 0, 1)), "1 to"),
        (good.replace(&count, &format!("{:10}{:10}{:10}", 2, 999_999_999, 1)), "1 to"),
        (good.replace(&count, &format!("{:10}{:10}{:10}", 2, 1, 1)), "1 values"),
        (good.replace(&count, &format!("{:10}{:10}{:10}", 2, 3, 1)), "3 values"),
        (format!("{}{good}", good.replace(&count, &format!("{:10}{:10}{:10}", 2, 3, 1))), "2 before -1"),
        (good.replace("3.90625E-05", "0.00000E+00"), "above 0 s"),
        (good.replace("1.00000E+00", "abcdefghijk"), "a number"),
    ] {
        let error = decode(bytes.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    let binary = encode(&[signal(vec![1.0, 2.0])], FORMS[2]);
    assert!(decode(&binary[..binary.len() - 10]).unwrap_err().to_string().contains("bytes of values"));
    let nan = encode(&[signal(vec![f64::NAN])], FORMS[2]);
    assert!(decode(&nan).unwrap_err().to_string().contains("finite values"));
}

proptest! {
    #[test]
    fn nothing_ends_the_program(
        form in prop::sample::select(FORMS.to_vec()), at in any::<prop::sample::Index>(), bit in 0_u8..8,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let good = encode(&[signal(vec![1.0, 2.0, 3.0])], form);
        let i = at.index(good.len());
        // The last end of line may be missing.
        prop_assert!(i + 1 == good.len() || decode(&good[..i]).is_err() || good[..i].trim_ascii().is_empty());
        let mut changed = good;
        changed[i] ^= 1 << bit;
        let _ = decode(&changed);
        let _ = decode(&bytes);
    }
}
