use plant::{Quality, Reason, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::wire::Scalar;

const HEAD: &str = "QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;";

fn upload(cp: &str) -> Vec<u8> {
    encode(&format!("{HEAD}CP=&&{cp}&&"))
}

#[test]
fn the_checksum_is_the_one_of_the_standards_own_example() {
    let data = "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&";
    assert_eq!(crc(data.as_bytes()), 0x1c80);
    assert_eq!(encode(data), format!("##0101{data}1C80\r\n").into_bytes());
}

#[test]
fn real_time_values_come_with_their_flag_unit_and_chinas_time() {
    let payload = upload(
        "DataTime=20160801085857;w01018-Rtd=63.0,w01018-Flag=N;w00000-Rtd=2.5,w00000-Flag=D;w01001-SampleTime=20160801080000,\
         w01001-Rtd=7.1,w01001-Flag=T;x9-Rtd=1",
    );
    let segments = decode_all(&payload).unwrap();
    let [segment] = &segments[..] else { panic!("one segment") };
    assert_eq!((segment.mn, segment.cn, segment.wants_ack()), ("010000A8900016F000169DC0", 2011, true));
    let readings = segment.readings().unwrap();
    let seen: Vec<_> = readings.iter().map(|r| (&*r.point, &r.value, r.unit.map(|u| u.symbol()), r.quality)).collect();
    assert_eq!(
        seen,
        [
            ("w01018-Rtd", &Scalar::Float(63.0), Some("mg/L"), Quality::Good),
            ("w01018-Flag", &Scalar::Text("N".into()), None, Quality::Good),
            ("w00000-Rtd", &Scalar::Float(2.5), Some("L/s"), Quality::Bad(Reason::Sensor)),
            ("w00000-Flag", &Scalar::Text("D".into()), None, Quality::Good),
            ("w01001-Rtd", &Scalar::Float(7.1), Some("pH"), Quality::Uncertain(Reason::OutOfRange)),
            ("w01001-Flag", &Scalar::Text("T".into()), None, Quality::Good),
            ("x9-Rtd", &Scalar::Float(1.0), None, Quality::Good),
        ]
    );
    // 08:58:57 in China is 00:58:57 in UTC.
    assert_eq!(readings[0].t, Timestamp::from_secs(1_470_013_137));
    assert_eq!(readings[4].t, Timestamp::from_secs(1_470_009_600));
}

#[test]
fn averages_of_different_periods_are_different_points() {
    for (cn, want) in [("2051", "minute/w01018-Avg"), ("2061", "hour/w01018-Avg"), ("2031", "day/w01018-Avg")] {
        let data = format!("{HEAD}CP=&&DataTime=20160801000000;w01018-Avg=1.5,w01018-Cou=2&&").replace("2011", cn);
        let payload = encode(&data);
        let segments = decode_all(&payload).unwrap();
        let readings = segments[0].readings().unwrap();
        assert_eq!(&*readings[0].point, want);
        assert_eq!(readings[1].unit.map(|u| u.symbol()), Some("kg"));
    }
}

#[test]
fn every_flag_of_the_table_says_how_far_to_trust() {
    for (flag, want) in [
        ("N", Quality::Good),
        ("S", Quality::Uncertain(Reason::Source)),
        ("T", Quality::Uncertain(Reason::OutOfRange)),
        ("F", Quality::Bad(Reason::Source)),
        ("M", Quality::Bad(Reason::Source)),
        ("C", Quality::Bad(Reason::Source)),
        ("D", Quality::Bad(Reason::Sensor)),
        ("B", Quality::Bad(Reason::Offline)),
        ("?", Quality::Uncertain(Reason::Source)),
    ] {
        assert_eq!(readings::quality(flag), want, "{flag}");
    }
}

#[test]
fn the_answer_is_a_segment_of_the_senders_version_that_asks_for_nothing() {
    let payload = upload("DataTime=20160801085857;w01018-Rtd=1");
    let segments = decode_all(&payload).unwrap();
    let answer = segments[0].acknowledgement();
    let answered = decode_all(&answer).unwrap();
    assert_eq!(
        (answered[0].qn, answered[0].cn, answered[0].st, answered[0].flag),
        ("20160801085857223", 9014, "91", 4)
    );
    assert!(!answered[0].wants_ack() && answered[0].packet.is_none() && !answered[0].is_upload());
}

#[test]
fn bad_segments_say_what_is_wrong() {
    let good = upload("DataTime=20160801085857;w01018-Rtd=1");
    let text = String::from_utf8(good.clone()).unwrap();
    let crc_at = good.len() - 6;
    let mut wrong_crc = good.clone();
    wrong_crc[crc_at..crc_at + 4].copy_from_slice(b"0000");
    let cases: Vec<(Vec<u8>, Code, &str)> = vec![
        (b"".to_vec(), Code::Hj212Frame, "at least one segment"),
        (b"hello".to_vec(), Code::Hj212Frame, "## at the beginning"),
        (b"##12x4".to_vec(), Code::Hj212Frame, "four digits"),
        (wrong_crc, Code::Hj212Crc, "the checksum"),
        (good[..good.len() - 8].to_vec(), Code::Hj212Frame, "a whole segment"),
        (format!("{}x", text.trim_end()).into_bytes(), Code::Hj212Frame, "CR LF"),
        (encode("QN=1;CN=2011"), Code::Hj212Field, "CP=&&"),
        (encode("QN=1;CN=2011;MN=1;CP=&&"), Code::Hj212Field, "at the end of the parameters"),
        (encode("QN=1;CN=2011;CP=&&&&"), Code::Hj212Field, "MN"),
        (encode("MN=1;CP=&&&&"), Code::Hj212Field, "CN"),
        (encode("MN=1;CN=x;CP=&&&&"), Code::Hj212Field, "whole number"),
        (encode("MN=1;CN=2011;Flag=7;CP=&&&&"), Code::Hj212Field, "PNO from 1 to PNUM"),
        (encode("MN=1;CN=2011;Flag=7;PNUM=2;PNO=3;CP=&&&&"), Code::Hj212Field, "PNO from 1 to PNUM"),
        (encode("MN=1;CN;CP=&&&&"), Code::Hj212Field, "name=value"),
    ];
    for (payload, code, why) in cases {
        let fault = decode_all(&payload).unwrap_err();
        assert_eq!(fault.code, code, "{}", payload.escape_ascii());
        assert!(fault.to_string().contains(why), "{fault}");
    }
    let timeless = encode("MN=1;CN=2011;CP=&&a-Rtd=1&&");
    assert_eq!(decode_all(&timeless).unwrap()[0].readings().unwrap_err().code, Code::TsInvalid);
}

#[test]
fn several_segments_come_in_one_message_and_the_last_may_lack_its_end() {
    let mut payload = upload("DataTime=20160801085857;a-Rtd=1");
    payload.extend(upload("DataTime=20160801085858;a-Rtd=2"));
    payload.truncate(payload.len() - 2);
    assert_eq!(decode_all(&payload).unwrap().len(), 2);
}

fn pieces(bytes: &[u8], step: usize) -> Vec<Piece> {
    let (mut framer, mut all) = (Framer::default(), Vec::new());
    for chunk in bytes.chunks(step.max(1)) {
        framer.push(chunk);
        while let Some(piece) = framer.next_piece() {
            all.push(piece);
        }
        assert!(framer.held() <= MAX_DATA + 12 + step, "the framer holds one segment at most");
    }
    all
}

#[test]
fn a_stream_is_cut_into_segments_however_it_arrives() {
    let (a, b) = (upload("DataTime=20160801085857;a-Rtd=1"), upload("DataTime=20160801085858;a-Rtd=2"));
    let whole = |s: &[u8]| Piece::Segment(s.trim_ascii_end().to_vec());
    let stream = [&a[..], b"noise", &b[..]].concat();
    for step in 1..stream.len() {
        let all = pieces(&stream, step);
        let segments: Vec<_> = all.iter().filter(|p| matches!(p, Piece::Segment(_))).cloned().collect();
        assert_eq!(segments, [whole(&a), whole(&b)], "step {step}");
        let noise: Vec<u8> =
            all.iter().flat_map(|p| if let Piece::Garbage(g) = p { g.clone() } else { Vec::new() }).collect();
        assert_eq!(noise, b"noise");
    }
    // A sender that was cut off and begins anew loses only the segment that it did not finish.
    let cut = [&a[..30], &b[..], &a[..]].concat();
    let all = pieces(&cut, 7);
    assert!(all.contains(&whole(&b)) && all.contains(&whole(&a)), "{all:?}");
}

proptest! {
    #[test]
    fn nothing_that_arrives_ends_the_program(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
        let _ = decode_all(&bytes);
        let total: usize = pieces(&bytes, step).iter().map(|p| match p { Piece::Segment(b) | Piece::Garbage(b) => b.len() }).sum();
        prop_assert!(total <= bytes.len());
    }

    #[test]
    fn a_segment_that_was_cut_or_changed_is_never_taken_for_another(
        value in "[0-9]{1,6}", cut in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let good = upload(&format!("DataTime=20160801085857;w01018-Rtd={value}"));
        let trimmed = good.trim_ascii_end();
        let i = cut.index(trimmed.len());
        prop_assert!(decode_all(&trimmed[..i]).is_err());
        let mut changed = trimmed.to_vec();
        changed[i] ^= 1 << bit;
        // The checksum's own digits may change their case, which says the same.
        if !changed.eq_ignore_ascii_case(trimmed) {
            prop_assert!(decode_all(&changed).is_err(), "{}", changed.escape_ascii());
        }
    }
}
