//! What to do next: a state machine without sockets and clocks.
//!
//! One parcel is under way at a time, so that a value that is written again arrives after the one that it replaces.

use std::ops::Range;
use std::time::Duration;

use crate::answer::{Answer, Trouble, Verdict, judge_write};
use crate::backoff::{Bounds, Pauses};
use crate::config::Config;
use crate::line::Lines;
use crate::parcel::{Origin, Parcel};

/// However small the server wants it, a request of this many bytes is tried.
const LEAST_BYTES: usize = 4096;

/// A line that the server will not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line, without its newline.
    pub line: String,
    /// What the server said.
    pub why: String,
}

/// A parcel that has arrived, but for the lines that were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where it came from.
    pub origin: Origin,
    /// How many lines the server took.
    pub taken: u64,
    /// Of these, how many it left out because its bucket does not keep them so long.
    pub expired: u64,
    /// What it would not take.
    pub refused: Vec<Refusal>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Send these lines, and say what was answered.
    Send(&'a str),
    /// Nothing before this instant.
    Wait(Duration),
    /// A parcel has arrived.
    Settled(Settled),
    /// Nothing is to be done.
    Empty,
}

/// A parcel on its way.
#[derive(Debug)]
struct Work {
    parcel: Parcel,
    /// Ranges of lines still to be sent, the next one last.
    todo: Vec<Range<usize>>,
    refused: Vec<Refusal>,
    expired: u64,
    /// A line that was refused alone, and what was said. Before it goes to quarantine a line that is known to be good is
    /// sent: a server (or what stands before it) that refuses that one too refuses us.
    suspect: Option<String>,
    /// Whether the good line was taken.
    proven: bool,
}

/// See the module. Instants are durations since any fixed moment, and never go backwards.
#[derive(Debug)]
pub struct Shipper {
    pauses: Pauses,
    work: Option<Work>,
    until: Duration,
    trouble: Option<Trouble>,
    fits: usize,
    probe: Lines,
}

impl Shipper {
    /// With nothing to do. `seed` sets the pauses of several shippers apart.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Self {
        let bounds = Bounds { first: config.first_pause, longest: config.longest_pause, slow: config.slow_pause };
        let mut probe = Lines::default();
        // One instant for ever: the probe is one point, however often it is written.
        probe.probe(plant::Timestamp::from_secs(1_700_000_000));
        Self {
            pauses: Pauses::new(bounds, seed),
            work: None,
            until: Duration::ZERO,
            trouble: None,
            fits: config.batch_bytes,
            probe,
        }
    }

    /// Takes a parcel on. One that is under way is replaced, so ask for [`Step::Empty`] first.
    pub fn load(&mut self, parcel: Parcel) {
        let all = 0..parcel.lines.len();
        let todo = if all.is_empty() { Vec::new() } else { vec![all] };
        self.work = Some(Work { parcel, todo, refused: Vec::new(), expired: 0, suspect: None, proven: false });
    }

    /// Gives the parcel up; whoever made it makes it again. The pause that was begun stays.
    pub fn give_up(&mut self) {
        self.work = None;
    }

    /// What keeps it from writing, as of the last answer.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// How many bytes of lines a parcel should have at most: less once the server has found one too large.
    #[must_use]
    pub fn fits(&self) -> usize {
        self.fits
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Duration) -> Step<'_> {
        if self.work.as_ref().is_some_and(|w| w.todo.is_empty()) {
            return self.work.take().map_or(Step::Empty, |w| Step::Settled(w.settled()));
        }
        let Some(work) = &self.work else { return Step::Empty };
        if now < self.until {
            return Step::Wait(self.until);
        }
        match (&work.suspect, work.todo.last()) {
            (Some(_), _) => Step::Send(self.probe.text()),
            (None, Some(range)) => Step::Send(work.parcel.lines.slice(range)),
            (None, None) => Step::Empty,
        }
    }

    /// What was answered to what [`Shipper::step`] said to send.
    pub fn answered(&mut self, answer: &Answer, now: Duration) {
        let verdict = judge_write(answer);
        let Some(work) = &mut self.work else { return };
        match verdict {
            Verdict::Taken { expired } => {
                work.taken(expired);
                self.trouble = None;
                self.pauses.reset();
            }
            Verdict::Lines { why, .. } if work.suspect.is_some() => {
                // Not the line, then: it is sent again when somebody has had time to look.
                work.suspect = None;
                self.until = now + self.pauses.after_refusal();
                self.trouble = Some(Trouble::Refused(why));
            }
            Verdict::Lines { why, too_large } => {
                if let Some(range) = work.todo.last().filter(|r| too_large && r.len() > 1) {
                    self.fits = (work.parcel.lines.slice(range).len() / 2).max(LEAST_BYTES);
                }
                work.refuse(why);
            }
            Verdict::Refused(why) => {
                self.until = now + self.pauses.after_refusal();
                self.trouble = Some(Trouble::Refused(why));
            }
            Verdict::Busy { after, why } => {
                self.until = now + self.pauses.after_failure(after);
                self.trouble = Some(Trouble::Away(why));
            }
        }
    }
}

impl Work {
    fn taken(&mut self, expired: u64) {
        match self.suspect.take() {
            Some(why) => {
                self.proven = true;
                self.refuse(why);
            }
            None => {
                self.expired += expired;
                self.todo.pop();
            }
        }
    }

    /// What was sent last is refused: its halves are tried, the first one first, or it is the line.
    fn refuse(&mut self, why: String) {
        let Some(range) = self.todo.pop() else { return };
        if range.len() > 1 {
            let middle = range.start + range.len() / 2;
            self.todo.extend([middle..range.end, range.start..middle]);
        } else if self.proven {
            let line = self.parcel.lines.slice(&range).trim_end_matches('\n').to_owned();
            self.refused.push(Refusal { line, why });
        } else {
            self.todo.push(range);
            self.suspect = Some(why);
        }
    }

    fn settled(self) -> Settled {
        let taken = (self.parcel.lines.len() - self.refused.len()) as u64;
        Settled { origin: self.parcel.origin, taken, expired: self.expired, refused: self.refused }
    }
}

#[cfg(test)]
#[path = "shipper_tests.rs"]
mod tests;
