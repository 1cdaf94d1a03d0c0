//! Wholes that come in parts: waveforms in several messages, uploads of HJ 212 in several packets.
//!
//! A part is acknowledged like any message, so it must survive a kill: every part is *staged*, that is, kept aside in the
//! store within the batch that its acknowledgement waits for. When the last part has come, the whole is read, and the parts
//! are taken out of the stage, in one batch. A set that stays incomplete ends in quarantine, part by part, with a reason that
//! names what is missing. After a restart the stage is read back, and the sets wait anew.
//!
//! A part enters the ledger when its set is settled, one way or the other: until then it is neither committed nor lost.
//!
//! Bounded by count, by bytes and by time. Where there is no room, the set that has waited longest gives way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use historian::{CommitError, Staged};
use plant::Timestamp;
use tokio::sync::watch;

use crate::Message;
use crate::fault::{Code, Fault};
use crate::recent::Fate;

/// Every key of the stage begins so.
const STAGE: &str = "part/";

/// Bounds of what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// Sets.
    pub sets: usize,
    /// Bytes of all parts together.
    pub bytes: usize,
    /// How long a set waits for its next part.
    pub wait: Duration,
}

impl Default for PartLimits {
    fn default() -> Self {
        Self { sets: 1_024, bytes: 64 << 20, wait: Duration::from_secs(60) }
    }
}

/// A message that is a part of something, with what its settlement takes.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub source: Arc<str>,
    pub t_received: Timestamp,
    pub message: Message,
}

/// Where a part belongs.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// The whole.
    pub set: &'a str,
    /// Which part, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// What must be the same in every part.
    pub header: u128,
    /// The code of the fault if the whole never comes.
    pub code: Code,
}

#[derive(Debug)]
struct Set {
    of: u32,
    /// `None` after a restart, until the next part says it.
    header: Option<u128>,
    code: Code,
    /// When the last part came; `None` after a restart, until somebody says what time it is.
    last: Option<Timestamp>,
    parts: BTreeMap<u32, Part>,
    bytes: usize,
    /// The draft that settles it, and what tells how that ended.
    settled_by: Option<(u64, Settles)>,
}

/// Tells those who wait for the settlement of a set that it is committed; dropped, that it is not.
type Settles = watch::Sender<Option<Result<(), CommitError>>>;

type Sets = HashMap<Arc<str>, Set>;

/// What a part leads to.
pub(crate) enum Step {
    /// It waits for the others.
    Waits(Staged),
    /// It came before, and its set is being settled: what it says is on disk only with that.
    Known(Fate),
    /// The whole is there.
    Whole(Gone),
}

/// A set that leaves: to be read, or given up.
pub(crate) struct Gone {
    /// Its parts in their order.
    pub parts: Vec<Part>,
    /// What takes them out of the stage.
    pub unstage: Vec<Staged>,
    /// Why, where it is given up.
    pub fault: Option<Fault>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Parts {
    limits: PartLimits,
    sets: Mutex<Sets>,
}

/// Tells the sets that a draft settles how its commit ended, also where it never came to one.
#[derive(Debug)]
pub(crate) struct Settling {
    parts: Option<Arc<Parts>>,
    draft: u64,
}

impl Settling {
    pub(crate) const fn none(draft: u64) -> Self {
        Self { parts: None, draft }
    }

    pub(crate) fn watch(&mut self, parts: &Arc<Parts>) {
        self.parts.get_or_insert_with(|| parts.clone());
    }

    /// The commit has ended.
    pub(crate) fn settle(&mut self, committed: bool) {
        if let Some(parts) = self.parts.take() {
            parts.ended(self.draft, committed);
        }
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.settle(false);
    }
}

fn stage_key(set: &str, number: u32) -> Arc<str> {
    format!("{STAGE}{number}/{set}").into()
}

fn weight(part: &Part) -> usize {
    256 + part.message.payload.len() + part.message.topic.len() * 2
}

impl Set {
    const fn new(of: u32, code: Code) -> Self {
        Self { of, header: None, code, last: None, parts: BTreeMap::new(), bytes: 0, settled_by: None }
    }

    fn complete(&self) -> bool {
        self.parts.len() == self.of as usize
    }

    fn missing(&self) -> String {
        let gone: Vec<u32> = (1..=self.of).filter(|n| !self.parts.contains_key(n)).collect();
        let shown: Vec<String> = gone.iter().take(8).map(ToString::to_string).collect();
        let more = if gone.len() > 8 { format!(" and {} more", gone.len() - 8) } else { String::new() };
        format!("part {}{more} of {} missing", shown.join(", "), self.of)
    }
}

impl Parts {
    /// Takes up what is on the stage of the store.
    pub(crate) fn new(limits: PartLimits, staged: &[Staged]) -> Self {
        let mut sets = Sets::default();
        for piece in staged {
            match decode(piece) {
                Some(found) => recall(&mut sets, found),
                None => tracing::warn!(key = %piece.key, "a part on the stage cannot be read; it is left there"),
            }
        }
        Self { limits, sets: Mutex::new(sets) }
    }

    fn lock(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many parts wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().values().map(|s| s.parts.len()).sum()
    }

    /// Takes a part in for `draft`. The sets that give way for it come with it.
    pub(crate) fn take(&self, draft: u64, place: &Place<'_>, part: Part) -> Result<(Step, Vec<Gone>), Fault> {
        let mut sets = self.lock();
        let set = sets.get(place.set);
        let weight = weight(&part);
        let refused = |expected: &str, found: String| Err(Fault::new(place.code, expected.to_owned(), found));
        if set.is_some_and(|set| set.of != place.of || set.header.is_some_and(|h| h != place.header)) {
            return refused("the same header as in the other parts", format!("another in part {}", place.number));
        }
        let staged = Staged { key: stage_key(place.set, place.number), body: encode(place, &part) };
        match set.and_then(|set| set.parts.get(&place.number)) {
            // Its first coming may not have reached the disk: it is staged again, which changes nothing otherwise.
            Some(known) if known.message.payload == part.message.payload => {}
            Some(_) => return refused("every part once", format!("another part {}", place.number)),
            None if set.is_some_and(|set| set.settled_by.is_some()) => {
                return refused("every part in time", format!("part {} when the others were given up", place.number));
            }
            None if set.map_or(0, |set| set.bytes) + weight > self.limits.bytes => {
                return refused(
                    "a record that the room for parts can hold",
                    format!("more than {} bytes", self.limits.bytes),
                );
            }
            None => {}
        }
        let set = sets.entry(place.set.into()).or_insert_with(|| Set::new(place.of, place.code));
        if let Some((_, settles)) = &set.settled_by {
            return Ok((Step::Known(settles.subscribe()), Vec::new()));
        }
        set.header = Some(place.header);
        set.last = Some(set.last.map_or(part.t_received, |t| t.max(part.t_received)));
        if set.parts.insert(place.number, part).is_none() {
            set.bytes += weight;
        }
        let step = match set.complete() {
            true => Step::Whole(leave(place.set, set, draft, None)),
            false => Step::Waits(staged),
        };
        Ok((step, self.make_room(&mut sets, draft, place.set)))
    }

    /// The sets that have waited longest leave until the others have room. The one called `but` stays.
    fn make_room(&self, sets: &mut Sets, draft: u64, but: &str) -> Vec<Gone> {
        let mut gone = Vec::new();
        let mut bytes = sets.values().filter(|s| s.settled_by.is_none()).map(|s| s.bytes).sum::<usize>();
        let mut count = sets.values().filter(|s| s.settled_by.is_none()).count();
        while bytes > self.limits.bytes || count > self.limits.sets {
            let open = sets.iter_mut().filter(|(key, s)| s.settled_by.is_none() && &***key != but);
            let Some((key, set)) = open.min_by_key(|(_, s)| s.last) else { break };
            let expected = format!("room for {} sets and {} bytes of parts", self.limits.sets, self.limits.bytes);
            let fault = Fault::new(set.code, expected, format!("none left; {}", set.missing()));
            bytes -= set.bytes;
            count -= 1;
            gone.push(leave(&key.clone(), set, draft, Some(fault)));
        }
        gone
    }

    /// The sets whose time is over at `now`, for `draft` to settle.
    pub(crate) fn expire(&self, draft: u64, now: Timestamp) -> Vec<Gone> {
        let mut sets = self.lock();
        let wait = self.limits.wait;
        let mut gone = Vec::new();
        for (key, set) in sets.iter_mut().filter(|(_, s)| s.settled_by.is_none()) {
            let last = *set.last.get_or_insert(now);
            if now > last && now.since(last) > wait {
                // One that is complete was read before, and its commit failed: it is read again.
                let fault = (!set.complete()).then(|| {
                    let expected = format!("every part within {} s of the one before", wait.as_secs());
                    Fault::new(set.code, expected, set.missing())
                });
                gone.push(leave(key, set, draft, fault));
            }
        }
        gone
    }

    /// The commit of `draft` has ended: what it settled is over, or waits again.
    fn ended(&self, draft: u64, committed: bool) {
        self.lock().retain(|_, set| {
            if set.settled_by.as_ref().is_none_or(|(by, _)| *by != draft) {
                return true;
            }
            if let Some((_, settles)) = set.settled_by.take()
                && committed
            {
                settles.send_replace(Some(Ok(())));
            }
            !committed
        });
    }
}

fn leave(key: &str, set: &mut Set, draft: u64, fault: Option<Fault>) -> Gone {
    set.settled_by = Some((draft, watch::channel(None).0));
    let unstage = set.parts.keys().map(|n| Staged { key: stage_key(key, *n), body: [].into() }).collect();
    Gone { parts: set.parts.values().cloned().collect(), unstage, fault }
}

/// A part read back from the stage.
struct Recalled {
    set: Arc<str>,
    number: u32,
    of: u32,
    code: Code,
    part: Part,
}

fn recall(sets: &mut Sets, found: Recalled) {
    let Recalled { set, number, of, code, part } = found;
    let set = sets.entry(set).or_insert_with(|| Set::new(of, code));
    set.bytes += weight(&part);
    set.parts.insert(number, part);
}

/// Version of the stored form.
const VERSION: u8 = 1;

/// The stored form: version, number, of, time, then source, topic, code and set with their lengths, then the payload.
fn encode(place: &Place<'_>, part: &Part) -> Arc<[u8]> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&place.number.to_le_bytes());
    out.extend_from_slice(&place.of.to_le_bytes());
    out.extend_from_slice(&part.t_received.nanos().to_le_bytes());
    for text in [&*part.source, &*part.message.topic, place.code.as_str(), place.set] {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&part.message.payload);
    out.into()
}

fn chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}

fn decode(staged: &Staged) -> Option<Recalled> {
    staged.key.strip_prefix(STAGE)?;
    let mut rest = &staged.body[..];
    let [version] = chunk(&mut rest)?;
    (version == VERSION).then_some(())?;
    let number = u32::from_le_bytes(chunk(&mut rest)?);
    let of = u32::from_le_bytes(chunk(&mut rest)?);
    let t_received = Timestamp::from_nanos(i64::from_le_bytes(chunk(&mut rest)?));
    let mut text = || {
        let length = usize::try_from(u32::from_le_bytes(chunk(&mut rest)?)).ok()?;
        let (bytes, after) = rest.split_at_checked(length)?;
        rest = after;
        std::str::from_utf8(bytes).ok()
    };
    let (source, topic, code, set): (Arc<str>, Arc<str>, _, Arc<str>) =
        (text()?.into(), text()?.into(), text()?, text()?.into());
    let code = Code::ALL.iter().copied().find(|c| c.as_str() == code)?;
    let message = Message::new(topic, rest.to_vec().into());
    (1..=of).contains(&number).then_some(Recalled { set, number, of, code, part: Part { source, t_received, message } })
}
