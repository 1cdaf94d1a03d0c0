//! Histories of other systems: whatever a file holds, every row is read or named, and every place between two rows is
//! found again.
#![no_main]

use std::io::Cursor;

use files::history::{Encoding, History, Layout, Row, Wide};
use libfuzzer_sys::fuzz_target;
use plant::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let Some((options, file)) = bytes.split_first() else { return };
    let layout = Layout {
        encoding: if options & 1 == 0 { Encoding::Utf8 } else { Encoding::Gbk },
        wide: if options & 2 == 0 { Wide::No } else { Wide::All },
        texts: options & 4 != 0,
        decimal_comma: options & 8 != 0,
        machine: (options & 16 != 0).then(|| "s/m".parse().expect("a machine")),
        ..Layout::new(Timestamp::MAX)
    };
    let Ok(mut history) = History::open(Cursor::new(file), layout.clone()) else { return };
    let (mut row, mut rows, mut middle) = (Row::default(), 0_usize, None);
    while history.read(&mut row).expect("memory can be read") {
        rows += 1;
        assert!(row.entries.iter().all(|e| e.point < history.points().len()), "every value has its point");
        if rows == 3 {
            middle = Some(history.position());
        }
    }
    let Some(middle) = middle else { return };
    let mut again = History::open(Cursor::new(file), layout).expect("the same header");
    again.seek(middle).expect("memory can be read");
    let mut rest = 0;
    while again.read(&mut row).expect("memory can be read") {
        rest += 1;
    }
    assert_eq!(rest, rows - 3, "what was resumed is the rest");
});
