//! Rows of a CSV by their lines. What `csv-core` makes of a line is a row, unless a quote is open at its end; then the next
//! line belongs to it. A quote that is never closed costs its own line, not the rest of the file.

use std::io::{self, BufRead, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::{LayoutError, MAX_COLUMNS, MAX_ROW, Position};

/// How much is read at once.
const PIECE: u64 = 64 << 10;
/// Bytes of a bad row that are kept to be shown.
const KEPT: usize = 400;

/// What came next.
pub(super) enum Got {
    /// A row; its fields are in [`Lines::field`].
    Row,
    /// A row that is none.
    Bad { expected: &'static str, found: Vec<u8> },
}

/// The rows of a file.
pub(super) struct Lines<R> {
    input: R,
    csv: Reader,
    /// What was read and not given out: from `start` on.
    buffer: Vec<u8>,
    start: usize,
    at: Position,
    /// Of a row of several lines: the place behind its first one, in the buffer and in the file.
    first: Option<(usize, Position)>,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

fn reader(delimiter: u8) -> Reader {
    ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build()
}

impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            csv: reader(b','),
            buffer: Vec::new(),
            start: 0,
            at: Position { offset: 0, line: 1 },
            first: None,
            fields: vec![0; 1 << 10],
            ends: vec![0; 64],
            count: 0,
        }
    }

    pub const fn position(&self) -> Position {
        self.at
    }

    pub const fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// The input stands there now.
    pub fn moved(&mut self, to: Position) {
        self.buffer.clear();
        self.start = 0;
        self.first = None;
        self.at = to;
    }

    /// How many fields the row has.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// The `i`-th field of the row; empty where there is none.
    pub fn field(&self, i: usize) -> &[u8] {
        match i < self.count {
            true => &self.fields[if i == 0 { 0 } else { self.ends[i - 1] }..self.ends[i]],
            false => &[],
        }
    }

    /// Passes over a byte order mark, and finds out the delimiter where it is not said: the one of `,;|` and tab that
    /// the first line holds most often.
    pub fn begin(&mut self, delimiter: Option<u8>) -> Result<(), LayoutError> {
        let end = self.line(0)?.unwrap_or(0);
        let first = self.bytes(0, end);
        if first.starts_with(&[0xff, 0xfe]) || first.starts_with(&[0xfe, 0xff]) || first.contains(&0) {
            return Err(LayoutError::Utf16);
        }
        let often = |d: u8| first.iter().filter(|b| **b == d).count();
        let found = *b"|\t;,".iter().max_by_key(|d| often(**d)).unwrap_or(&b',');
        let marked = first.starts_with(b"\xef\xbb\xbf");
        self.csv = reader(delimiter.unwrap_or(found));
        if marked {
            self.consume(3, 0);
        }
        Ok(())
    }

    /// What was read ahead of the row's beginning.
    fn bytes(&self, from: usize, to: usize) -> &[u8] {
        &self.buffer[self.start + from..self.start + to]
    }

    fn consume(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.at.offset += bytes as u64;
        self.at.line += lines;
    }

    /// The end of the line that begins `from` bytes ahead, behind its line feed; reads until it is there. `None` at the
    /// end of the file. A line that is longer than a row may be has no end: that is the end of what was read then.
    fn line(&mut self, from: usize) -> io::Result<Option<usize>> {
        let mut looked = from;
        loop {
            let ahead = &self.buffer[self.start..];
            if let Some(i) = ahead[looked..].iter().position(|b| *b == b'\n') {
                return Ok(Some(looked + i + 1));
            }
            looked = ahead.len();
            if looked - from > MAX_ROW {
                return Ok(Some(looked));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.input.by_ref().take(PIECE).read_to_end(&mut self.buffer)? == 0 {
                return Ok(if looked > from { Some(looked) } else { None });
            }
        }
    }

    /// The next row, empty lines passed over; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Got>> {
        self.first = None;
        loop {
            let Some(end) = self.line(0)? else { return Ok(None) };
            if end > MAX_ROW {
                return self.long(end).map(Some);
            }
            if self.bytes(0, end).trim_ascii().is_empty() {
                self.consume(end, 1);
                continue;
            }
            return self.row(end).map(Some);
        }
    }

    /// Passes over a line that is too long, without keeping it.
    fn long(&mut self, end: usize) -> io::Result<Got> {
        let found = self.bytes(0, KEPT).to_vec();
        let mut ended = self.bytes(0, end).ends_with(b"\n");
        self.consume(end, 0);
        // What has no end is all that was read.
        while !ended {
            let piece = self.input.fill_buf()?;
            let n = piece.iter().position(|b| *b == b'\n').map_or(piece.len(), |i| i + 1);
            ended = n == 0 || piece[n - 1] == b'\n';
            self.input.consume(n);
            self.at.offset += n as u64;
        }
        self.at.line += 1;
        Ok(Got::Bad { expected: "a row of at most 1 MiB", found })
    }

    /// A row whose first line ends at `end`.
    fn row(&mut self, mut end: usize) -> io::Result<Got> {
        let (first, mut from, mut lines) = (end, 0, 1);
        self.csv.reset();
        let (mut written, mut ended) = (0, 0);
        loop {
            match self.feed(from, end, &mut written, &mut ended) {
                Fed::Whole => {
                    self.count = ended;
                    let behind = Position { offset: self.at.offset + first as u64, line: self.at.line + 1 };
                    self.first = (lines > 1).then_some((self.start + first, behind));
                    self.consume(end, lines);
                    return Ok(Got::Row);
                }
                Fed::Open => {}
                Fed::Wide => return Ok(self.bad(first, "at most 4096 columns")),
            }
            from = end;
            match self.line(from)? {
                Some(next) if next <= MAX_ROW => end = next,
                _ => return Ok(self.bad(first, "a quote that is closed again within the row")),
            }
            lines += 1;
        }
    }

    /// Goes back behind the first line of the row at hand, where it has more than one: whether it had.
    pub fn only_first(&mut self) -> bool {
        let Some((start, at)) = self.first.take() else { return false };
        self.start = start;
        self.at = at;
        true
    }

    fn bad(&mut self, line: usize, expected: &'static str) -> Got {
        let found = self.bytes(0, KEPT.min(line)).trim_ascii_end().to_vec();
        self.consume(line, 1);
        Got::Bad { expected, found }
    }

    /// Hands one line to the parser, without a carriage return at its end and with a line feed in any case.
    fn feed(&mut self, from: usize, end: usize, written: &mut usize, ended: &mut usize) -> Fed {
        let line = &self.buffer[self.start + from..self.start + end];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for mut rest in [line, b"\n"] {
            while !rest.is_empty() {
                let (fields, ends) = (&mut self.fields[*written..], &mut self.ends[*ended..]);
                let (result, read, put, separated) = self.csv.read_record(rest, fields, ends);
                rest = &rest[read..];
                *written += put;
                *ended += separated;
                match result {
                    ReadRecordResult::InputEmpty => {}
                    ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                    ReadRecordResult::OutputEndsFull if self.ends.len() >= MAX_COLUMNS => return Fed::Wide,
                    ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                    ReadRecordResult::Record | ReadRecordResult::End => return Fed::Whole,
                }
            }
        }
        Fed::Open
    }
}

enum Fed {
    /// The row is whole.
    Whole,
    /// A quote is open.
    Open,
    /// It has too many columns.
    Wide,
}
