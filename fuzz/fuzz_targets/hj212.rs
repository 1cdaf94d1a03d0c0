//! Segments of HJ 212, whole and as a stream in pieces.
#![no_main]

use collector::wire::hj212::{self, Framer, Piece, Segment};
use libfuzzer_sys::fuzz_target;

fn understand(segment: &Segment<'_>) {
    let _ = segment.readings();
    let _ = segment.stands_alone();
    let answer = segment.acknowledgement();
    assert!(hj212::decode_all(&answer).is_ok(), "what is answered is a segment");
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(segments) = hj212::decode_all(bytes) {
        segments.iter().for_each(understand);
    }
    // The first byte says in what pieces the rest arrives; what comes out must not depend on it, nor be lost.
    let Some((chunk, stream)) = bytes.split_first() else { return };
    let cut = |size: usize| {
        let (mut framer, mut pieces) = (Framer::default(), Vec::new());
        for part in stream.chunks(size) {
            framer.push(part);
            while let Some(piece) = framer.next_piece() {
                pieces.push(match piece {
                    Piece::Segment(s) => (true, s),
                    Piece::Garbage(g) => (false, g),
                });
            }
        }
        let held = framer.held();
        assert!(held <= stream.len());
        (pieces, framer.rest())
    };
    let (pieces, rest) = cut(usize::from(*chunk).max(1));
    let kept: usize = pieces.iter().map(|(_, p)| p.len()).sum::<usize>() + rest.len();
    let blank = stream.iter().filter(|b| b.is_ascii_whitespace()).count();
    assert!(kept <= stream.len() && kept + blank >= stream.len(), "only white space between segments is dropped");
    let whole = |pieces: Vec<(bool, Vec<u8>)>| pieces.into_iter().filter(|(s, _)| *s).map(|(_, p)| p).collect::<Vec<_>>();
    assert_eq!(whole(pieces), whole(cut(stream.len().max(1)).0), "segments are the same however they arrive");
});
