//! Births as they are documented, and what is refused of them.

use super::*;

const DOCUMENTED: &str = r#"{"title":{"zh":"三号风机","en":"Fan 3"},"area":"sinter","line":"1","gateway":"gw-1","class":"fan",
    "rated_kw":450,"shaft_height_mm":355,"foundation":"rigid","nominal_rpm":1486,
    "bearings":[{"name":"DE","designation":"6205","orders":{"bpfo":3.58,"bpfi":5.42,"bsf":2.36,"ftf":0.398}},
                {"name":"NDE","elements":9,"ball_mm":7.94,"pitch_mm":39.04,"contact_deg":0}],
    "points":[{"name":"vib_de_h","kind":"waveform","quantity":"acceleration","unit":"m/s²","range":[-500,500],"bearing":"DE",
               "axis":"horizontal","period_s":10,"limits":{"h":7.1,"hh":11.2},"title":{"en":"Vibration DE"}},
              {"name":"speed","unit":"r/min"}]}"#;

fn id() -> MachineId {
    "s/m".parse().unwrap()
}

#[test]
fn the_documented_form_becomes_a_machine_and_comes_back() {
    let machine = decode(DOCUMENTED.as_bytes()).unwrap().machine(id()).unwrap();
    assert_eq!(machine.class, MachineClass::Fan);
    assert_eq!(machine.bearings.len(), 2);
    assert_eq!(machine.points["vib_de_h"].period, Some(Duration::from_secs(10)));
    assert_eq!(machine.points["speed"].quantity, Some(Quantity::RotationalSpeed));
    let again = decode(&encode(&Birth::of(&machine))).unwrap().machine(id()).unwrap();
    assert_eq!(again, machine);
}

const WITH_TRAIN: &str = r#"{"bearings":[{"name":"M","designation":"SKF 6205/C3"},{"name":"F","bore_mm":60,"outside_mm":130,"shaft":"fan"}],
    "train":{"measured":"motor","units":[
        {"kind":"motor","shaft":"motor","poles":4,"line_hz":50,"rotor_bars":44},
        {"kind":"coupling","driving":"motor","driven":"in"},
        {"kind":"gearbox","stages":[
            {"gears":[{"shaft":"in","teeth":23},{"shaft":"mid","teeth":61}]},
            {"sun_teeth":21,"planet_teeth":39,"ring_teeth":99,"planets":3,"fixed":"ring","sun":"mid","carrier":"slow"},
            {"driving":"slow","driven":"out","ratio":-1.5}]},
        {"name":"belt 1","kind":"belt","driving":"out","driven":"fan","driving_mm":224,"driven_mm":560,"length_mm":3150},
        {"kind":"fan","shaft":"fan","blades":12}]}}"#;

#[test]
fn a_train_becomes_shafts_and_comes_back() {
    let machine = decode(WITH_TRAIN.as_bytes()).unwrap().machine(id()).unwrap();
    let train = machine.train.as_ref().unwrap();
    let names: Vec<_> = train.units.iter().map(|u| u.name.as_str()).collect();
    assert_eq!(names, ["motor", "coupling", "gearbox", "belt 1", "fan"]);
    let shafts = machine.shafts().unwrap();
    let fan = machine.seat(&shafts, "F").unwrap();
    let want = 23.0 / 61.0 / (1.0 + 99.0 / 21.0) * 1.5 * 224.0 / 560.0;
    assert!((fan.ratio - want).abs() < 1e-12, "{fan:?}");
    assert_eq!(machine.bearings[0].geometry.orders().unwrap().bpfo, 3.5848);
    assert!(machine.bearings[1].geometry.is_estimated());
    let again = decode(&encode(&Birth::of(&machine))).unwrap().machine(id()).unwrap();
    assert_eq!(again, machine);
}

#[test]
fn a_train_that_cannot_be_is_refused_with_the_place() {
    for (from, to, words) in [
        (r#","driven":"in"}"#, "}", &["unit coupling", "driven: the name of a shaft"][..]),
        (r#"{"gears":[{"shaft":"in","teeth":23},"#, r#"{"gears":["#, &["unit gearbox, stage 1", "without a partner"]),
        (r#""teeth":61"#, r#""teeth":"61""#, &["line 1 column"]),
        (r#""teeth":61"#, r#""teeth":-61"#, &["line 1 column"]),
        (r#""teeth":61"#, r#""teeth":0"#, &["unit gearbox", "teeth is 0"]),
        (r#""fixed":"ring""#, r#""fixed":"planet""#, &["unit gearbox, stage 2", "sun, carrier or ring"]),
        (r#""fixed":"ring""#, r#""fixed":"sun""#, &["the sun stands still, but a shaft is stated"]),
        (r#""planets":3,"#, "", &["unit gearbox, stage 2", "another combination"]),
        (r#""ratio":-1.5"#, r#""ratio":0"#, &["ratio is 0"]),
        (r#""driving":"slow""#, r#""driving":"moon""#, &["no unit joins shaft moon with motor"]),
        (r#""shaft":"fan","blades""#, r#""shaft":"roof","blades""#, &["no unit joins shaft roof"]),
        (r#""blades":12"#, r#""blades":12,"poles":4"#, &["unit fan", "no poles on a fan"]),
        (r#""blades":12"#, r#""blades":12,"vanes":4"#, &["unit fan", "several of them"]),
        (r#""kind":"fan""#, r#""kind":"van""#, &["unit van", "gearbox, belt, fan"]),
        (r#""driving_mm":224"#, r#""driving_mm":0"#, &["unit belt 1", "the driving pulley is 0"]),
        (r#""poles":4"#, r#""poles":5"#, &["unit motor", "even number"]),
        (r#""measured":"motor""#, r#""measured":"m""#, &["no unit joins shaft motor with m"]),
        (r#""outside_mm":130,"shaft":"fan""#, r#""outside_mm":130,"shaft":"roof""#, &["bearing F sits on shaft roof"]),
        (r#""kind":"gearbox","#, r#""kind":"gearbox","gear":1,"#, &["gear"]),
    ] {
        assert!(WITH_TRAIN.contains(from), "{from}");
        let payload = WITH_TRAIN.replacen(from, to, 1).replace('\n', " ");
        let fault = decode(payload.as_bytes()).and_then(|b| b.machine(id())).unwrap_err();
        assert!(matches!(fault.code, Code::BirthField), "{to}: {fault}");
        for word in words {
            assert!(fault.to_string().contains(word), "{to}: {fault}");
        }
    }
}

#[test]
fn nothing_stated_is_nothing_assumed() {
    assert_eq!(decode(b"{}").unwrap().machine(id()).unwrap(), Machine::bare(id()));
}

#[test]
fn impossible_machines_are_refused_with_the_place() {
    for (payload, code, word) in [
        (r#"{"class":"rocket"}"#, Code::BirthField, "\"class\": "),
        (r#"{"klass":"fan"}"#, Code::BirthField, "klass"),
        (r#"{"rated_kw":-1}"#, Code::BirthField, "rated_kw"),
        (r#"{"rated_kw":"much"}"#, Code::BirthField, "line 1 column"),
        (r#"{"foundation":"sand"}"#, Code::BirthField, "foundation"),
        (r#"{"area":"a/b"}"#, Code::NameInvalid, "a/b"),
        (r#"{"bearings":[{"name":"DE"}]}"#, Code::BirthField, "bearing DE"),
        (r#"{"bearings":[{"name":"DE","bore_mm":25}]}"#, Code::BirthField, "bore_mm and outside_mm"),
        (r#"{"bearings":[{"name":"DE","bore_mm":52,"outside_mm":25}]}"#, Code::BirthField, "outside_mm"),
        (r#"{"bearings":[{"name":"DE","designation":"X-9"}]}"#, Code::BirthField, "the catalogue"),
        (r#"{"bearings":[{"name":"DE","designation":"6205","shaft":"a"}]}"#, Code::BirthField, "a train"),
        (r#"{"bearings":[{"name":"DE","elements":2,"ball_mm":1,"pitch_mm":9}]}"#, Code::BirthField, "rolling elements"),
        (r#"{"points":[{"name":"p","unit":"furlong"}]}"#, Code::UnitUnknown, "\"p\": "),
        (r#"{"points":[{"name":"p","unit":"g","quantity":"temperature"}]}"#, Code::UnitMismatch, "\"p\": "),
        (r#"{"points":[{"name":"p","quantity":"love"}]}"#, Code::BirthField, "love"),
        (r#"{"points":[{"name":"p","range":[5,1]}]}"#, Code::BirthField, "[5, 1]"),
        (r#"{"points":[{"name":"p","limits":{"h":5,"hh":1}}]}"#, Code::BirthField, "ll ≤ l ≤ h ≤ hh"),
        (r#"{"points":[{"name":"p","bearing":"DE"}]}"#, Code::BirthField, "DE"),
        (r#"{"points":[{"name":"p","period_s":0}]}"#, Code::BirthField, "period_s"),
        (r#"{"points":[{"name":"p","period_s":1e300}]}"#, Code::BirthField, "period_s"),
        (r#"{"points":[{"name":"p"},{"name":"p"}]}"#, Code::BirthField, "every point once"),
        (r#"{"points":[{"name":""}]}"#, Code::NameInvalid, "empty"),
        (r#"{"points":"#, Code::JsonSyntax, "line 1 column 10"),
    ] {
        let fault = decode(payload.as_bytes()).and_then(|b| b.machine(id())).unwrap_err();
        assert_eq!(fault.code, code, "{payload}: {fault}");
        assert!(fault.to_string().contains(word), "{payload}: {fault}");
    }
}

#[test]
fn deaths_are_read() {
    for t in [None, Some(Timestamp::from_secs(1_735_689_600))] {
        assert_eq!(decode_death(&encode_death(t)), Ok(t));
    }
    assert_eq!(decode_death(b"{}"), Ok(None));
    assert_eq!(decode_death(b"gone").unwrap_err().code, Code::JsonSyntax);
    assert_eq!(decode_death(br#"{"at":1}"#).unwrap_err().code, Code::FieldUnknown);
}
