//! A line that says how far something is, on a terminal; elsewhere nothing.

use std::io::{self, IsTerminal, Write};

/// Characters of the bar.
const WIDTH: usize = 32;

/// The line.
pub struct Bar {
    /// Whether somebody looks.
    seen: bool,
    /// What was last drawn, so that nothing is drawn twice.
    last: String,
}

impl Bar {
    /// On standard error, if that is a terminal.
    pub fn new() -> Self {
        Self { seen: io::stderr().is_terminal(), last: String::new() }
    }

    /// One that nobody sees.
    pub const fn silent() -> Self {
        Self { seen: false, last: String::new() }
    }

    /// Draws `done` of `total`.
    pub fn draw(&mut self, what: &str, done: u64, total: u64) {
        if !self.seen {
            return;
        }
        let line = line(what, done, total);
        if line != self.last {
            // A terminal that has gone is nothing to stop for.
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
            self.last = line;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if !self.last.is_empty() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(what: &str, done: u64, total: u64) -> String {
    let share = (done as f64 / total.max(1) as f64).min(1.0);
    let full = (share * WIDTH as f64) as usize;
    format!("[{}{}] {:3.0} % {what}", "#".repeat(full), ".".repeat(WIDTH - full), (share * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(line("ts.db", 0, 0), format!("[{}]   0 % ts.db", ".".repeat(32)));
        assert_eq!(line("ts.db", 1, 2), format!("[{}{}]  50 % ts.db", "#".repeat(16), ".".repeat(16)));
        assert_eq!(line("x", 999, 1_000), format!("[{}.]  99 % x", "#".repeat(31)));
        assert_eq!(line("x", 3, 2), format!("[{}] 100 % x", "#".repeat(32)));
    }
}
