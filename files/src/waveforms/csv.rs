//! `time_s,value`: seconds since the first sample, and the physical value in the shortest form that is read back exactly.

use std::io::{self, Write};

use plant::Waveform;

pub(super) fn write(w: &Waveform, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"time_s,value\n")?;
    for (i, v) in super::physical(w).enumerate() {
        writeln!(out, "{},{v}", i as f64 / w.fs)?;
    }
    Ok(())
}
