//! What many minutes (or hours) of one series amount to, in one piece.
//!
//! Columns compressed by `pco`, or plain where that is shorter: places, counts, latest values and when those were, and, of stretches with
//! more than one value, least, greatest and sum. The sum of decimals is nearly a decimal again and packs well, which a
//! mean does not; where a sum would overflow, means are written.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress};

use super::chunk::Summary;
use super::{Damage, Reader, Writer, seal, unseal};

const VERSION: u8 = 1;
/// Every stretch holds one value.
const SINGLE: u8 = 1;
/// Means are written, not sums.
const MEANS: u8 = 2;
/// As for chunks.
const LEVEL: usize = 6;

const PLAIN: u8 = 0;
const PCO: u8 = 1;

/// One minute or hour: its place in the piece, and what it amounts to.
pub(crate) type Slot = (u32, Summary);

/// Where a piece belongs; part of its checksum.
pub(crate) fn place(series: u32, width: i64, t: i64) -> [i64; 3] {
    [i64::from(series), width, t]
}

/// Compresses slots; their places rise. `start` says when a place begins, in nanoseconds.
pub(crate) fn encode(slots: &[Slot], place: &[i64], start: impl Fn(u32) -> i64) -> Result<Vec<u8>, Damage> {
    let mut w = Writer(Vec::with_capacity(slots.len() * 16 + 32));
    w.u8(VERSION);
    w.varint(slots.len() as u64);
    if !slots.is_empty() {
        let several: Vec<&Summary> = slots.iter().map(|(_, s)| s).filter(|s| s.count > 1).collect();
        let sums: Vec<f64> = several.iter().map(|s| s.mean * s.count as f64).collect();
        let means = sums.iter().any(|s| !s.is_finite());
        w.u8(if several.is_empty() { SINGLE } else { 0 } | if means { MEANS } else { 0 });
        let of = |f: fn(&Summary) -> f64| several.iter().map(|s| f(s)).collect::<Vec<f64>>();
        put(&mut w, &slots.iter().map(|(at, _)| *at).collect::<Vec<_>>())?;
        put(&mut w, &slots.iter().map(|(_, s)| s.last).collect::<Vec<_>>())?;
        put(&mut w, &slots.iter().map(|(at, s)| s.at.wrapping_sub(start(*at)) as u64).collect::<Vec<_>>())?;
        if !several.is_empty() {
            put(&mut w, &slots.iter().map(|(_, s)| s.count).collect::<Vec<_>>())?;
            put(&mut w, &of(|s| s.min))?;
            put(&mut w, &of(|s| s.max))?;
            put(&mut w, &if means { of(|s| s.mean) } else { sums })?;
        }
    }
    seal(place, &mut w.0);
    Ok(w.0)
}

/// Reads what [`encode`] wrote; no place is `most` or above.
pub(crate) fn decode(body: &[u8], place: &[i64], most: u32, start: impl Fn(u32) -> i64) -> Result<Vec<Slot>, Damage> {
    let mut r = Reader(unseal(place, body)?);
    if r.u8()? != VERSION {
        return Err(Damage("its form is of a version that is not known here"));
    }
    let n = r.varint()? as usize;
    if n > most as usize {
        return Err(Damage("it claims more than there is place for"));
    }
    if n == 0 {
        r.end()?;
        return Ok(Vec::new());
    }
    let flags = r.u8()?;
    let places: Vec<u32> = get(&mut r, n)?;
    let lasts: Vec<f64> = get(&mut r, n)?;
    let times: Vec<u64> = get(&mut r, n)?;
    let counts: Vec<u64> = if flags & SINGLE != 0 { vec![1; n] } else { get(&mut r, n)? };
    if !places.is_sorted_by(|a, b| a < b) || places.last().is_some_and(|p| *p >= most) || counts.contains(&0) {
        return Err(Damage("its places or counts are none"));
    }
    let several = counts.iter().filter(|c| **c > 1).count();
    let mut columns = [const { Vec::new() }; 3];
    if flags & SINGLE == 0 {
        for column in &mut columns {
            *column = get::<f64>(&mut r, several)?;
        }
    }
    r.end()?;
    let [mins, maxs, sums] = columns;
    let mut rest = mins.into_iter().zip(maxs).zip(sums);
    let slot = |(((place, last), time), count)| {
        let at = start(place).wrapping_add(time as i64);
        let Some(((min, max), sum)) = Some(count).filter(|c| *c > 1).and_then(|_| rest.next()) else {
            return (place, Summary { count, min: last, max: last, mean: last, last, at });
        };
        let mean = if flags & MEANS != 0 { sum } else { sum / count as f64 };
        (place, Summary { count, min, max, mean: mean.max(min).min(max), last, at })
    };
    Ok(places.into_iter().zip(lasts).zip(times).zip(counts).map(slot).collect())
}

/// A number that can be written plainly.
trait Plain: Number + Copy {
    const BYTES: usize;
    fn put(self, w: &mut Writer);
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage>;
}

macro_rules! plain {
    ($($t:ty),*) => {$(
        impl Plain for $t {
            const BYTES: usize = size_of::<$t>();
            fn put(self, w: &mut Writer) {
                w.raw(&self.to_le_bytes());
            }
            fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
                r.array().map(<$t>::from_le_bytes)
            }
        }
    )*};
}
plain!(u32, u64, f64);

fn put<T: Plain>(w: &mut Writer, v: &[T]) -> Result<(), Damage> {
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    let packed = simple_compress(v, &config).map_err(|_| Damage("pco could not compress it"))?;
    if packed.len() < v.len() * T::BYTES {
        w.u8(PCO);
        w.bytes(&packed);
    } else {
        w.u8(PLAIN);
        v.iter().for_each(|x| x.put(w));
    }
    Ok(())
}

fn get<T: Plain>(r: &mut Reader<'_>, n: usize) -> Result<Vec<T>, Damage> {
    let v = match r.u8()? {
        PLAIN => return (0..n).map(|_| T::get(r)).collect(),
        PCO => simple_decompress(r.bytes()?).map_err(|_| Damage("pco could not read it"))?,
        _ => return Err(Damage("the form of a column is not known")),
    };
    if v.len() == n { Ok(v) } else { Err(Damage("a column is not as long as the piece")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn start(slot: u32) -> i64 {
        i64::from(slot) * 60 * SECOND
    }

    /// What these numbers of one minute amount to, one each second.
    fn minute(slot: u32, v: &[f64]) -> Slot {
        let mut s = Summary::default();
        (0..).zip(v).for_each(|(i, v)| s.add(start(slot) + i * SECOND, *v));
        (slot, s)
    }

    fn check(slots: &[Slot]) -> usize {
        let place = place(3, 60, -7);
        let body = encode(slots, &place, start).unwrap();
        let found = decode(&body, &place, 1_440, start).unwrap();
        assert_eq!(found.len(), slots.len());
        for ((at, f), (wanted, s)) in found.iter().zip(slots) {
            assert_eq!((at, f.count, f.min, f.max, f.last, f.at), (wanted, s.count, s.min, s.max, s.last, s.at));
            let scale = s.min.abs().max(s.max.abs());
            assert!((f.mean - s.mean).abs() <= scale * 1e-14, "{f:?} {s:?}");
        }
        assert_eq!(decode(&body, &[3, 60, -6], 1_440, start).unwrap_err(), Damage("the checksum does not match"));
        for cut in 0..body.len() {
            decode(&body[..cut], &place, 1_440, start).unwrap_err();
        }
        body.len()
    }

    #[test]
    fn what_is_written_is_read_back() {
        check(&[]);
        check(&[minute(0, &[1.5])]);
        check(&[minute(3, &[-0.0]), minute(1_439, &[5e-324, 1e300])]);
        check(&[minute(0, &[f64::MAX, f64::MAX, -f64::MAX]), minute(9, &[2.0])]);
        let noisy = |i: u32| (0..60).map(move |k| f64::from((i * 61 + k * 7) % 97) / 8.0 + f64::from(i).sin());
        check(&(0..1_440).map(|i| minute(i, &noisy(i).collect::<Vec<_>>())).collect::<Vec<_>>());
    }

    #[test]
    fn a_day_of_decimals_takes_few_bytes() {
        let tenths = |i: u32| (0..60).map(move |k| (600.0 + f64::from((i + k) % 40)) / 10.0);
        let day: Vec<_> = (0..1_440).map(|i| minute(i, &tenths(i).collect::<Vec<_>>())).collect();
        let bytes = check(&day);
        assert!(bytes < 1_440 * 8, "{bytes} bytes for 1,440 minutes");
        let singles: Vec<_> = (0..144).map(|i| minute(i * 10, &[60.0 + f64::from(i % 7) / 10.0])).collect();
        let bytes = check(&singles);
        assert!(bytes < 144 * 2, "{bytes} bytes for 144 single values");
    }

    #[test]
    fn more_places_than_there_are_is_damage() {
        let body = encode(&[minute(24, &[1.0])], &[], start).unwrap();
        assert!(decode(&body, &[], 25, start).is_ok());
        decode(&body, &[], 24, start).unwrap_err();
    }
}
