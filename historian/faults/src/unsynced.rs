//! What of one file no fsync has confirmed, as plain data.

use std::collections::BTreeMap;

/// Bytes that a disk writes whole or not at all.
pub(crate) const SECTOR: u64 = 512;

type Sector = Box<[u8]>;

/// What of one file is not on the platter for sure.
#[derive(Debug)]
pub(crate) struct Unsynced {
    /// Its sizes since the last fsync: the first is on the platter, the last is what the system shows.
    sizes: Vec<u64>,
    /// Sectors written since, each with its contents in turn: the first is on the platter.
    sectors: BTreeMap<u64, Vec<Sector>>,
    /// Whether its name is in the directory for good.
    pub named: bool,
}

impl Unsynced {
    pub fn new(size: u64, named: bool) -> Self {
        Self { sizes: vec![size], sectors: BTreeMap::new(), named }
    }

    /// As the system shows it.
    pub fn size(&self) -> u64 {
        self.sizes.last().copied().unwrap_or(0)
    }

    /// How many sectors are not confirmed.
    pub fn sectors(&self) -> usize {
        self.sectors.len()
    }

    /// The whole sectors that `len` bytes at `offset` touch: where they begin and how many bytes they are.
    pub fn span(offset: u64, len: u64) -> (u64, u64) {
        let from = offset / SECTOR * SECTOR;
        (from, (offset + len).div_ceil(SECTOR) * SECTOR - from)
    }

    /// `data` is written at `offset`; `before` is what was in the sectors it touches, zeros beyond the end.
    pub fn write(&mut self, offset: u64, data: &[u8], before: &[u8]) {
        let (from, _) = Self::span(offset, data.len() as u64);
        let at = (offset - from) as usize;
        let mut after = before.to_vec();
        after[at..at + data.len()].copy_from_slice(data);
        self.note(from, before, &after);
        self.resize(self.size().max(offset + data.len() as u64));
    }

    /// The file is cut to `size`, or lengthened by zeros; `before` is what was in the sectors from `size` to the end.
    pub fn truncate(&mut self, size: u64, before: &[u8]) {
        let (from, _) = Self::span(size, 0);
        let mut after = before.to_vec();
        if let Some(gone) = after.get_mut((size - from) as usize..) {
            gone.fill(0);
        }
        self.note(from, before, &after);
        self.resize(size);
    }

    fn note(&mut self, from: u64, before: &[u8], after: &[u8]) {
        let sectors = before.chunks(SECTOR as usize).zip(after.chunks(SECTOR as usize));
        for (n, (before, after)) in (from / SECTOR..).zip(sectors) {
            self.sectors.entry(n).or_insert_with(|| vec![before.into()]).push(after.into());
        }
    }

    fn resize(&mut self, size: u64) {
        if size != self.size() {
            self.sizes.push(size);
        }
    }

    /// An fsync confirmed everything.
    pub fn synced(&mut self) {
        self.sectors.clear();
        self.sizes.drain(..self.sizes.len() - 1);
    }

    /// What the platter holds of a file that shows as `image`: `pick` chooses among so many states of each sector and of
    /// the size, the oldest being 0. Also gives how many sectors are not as they were shown.
    pub fn platter(&self, mut image: Vec<u8>, mut pick: impl FnMut(usize) -> usize) -> (Vec<u8>, usize) {
        let mut lost = 0;
        for (n, states) in &self.sectors {
            let chosen = &states[pick(states.len())];
            let (from, to) = ((n * SECTOR) as usize, ((n + 1) * SECTOR) as usize);
            if image.len() < to {
                image.resize(to, 0);
            }
            lost += usize::from(states.last() != Some(chosen));
            image[from..to].copy_from_slice(chosen);
        }
        image.resize(self.sizes[pick(self.sizes.len())] as usize, 0);
        (image, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::Unsynced;

    const OLD: usize = 0;

    fn written() -> Unsynced {
        let mut file = Unsynced::new(1_024, true);
        file.write(500, &[7; 24], &[1; 1_024]);
        file
    }

    fn shown() -> Vec<u8> {
        let mut image = vec![1; 1_024];
        image[500..524].fill(7);
        image
    }

    #[test]
    fn each_sector_is_old_or_new_by_itself() {
        assert_eq!(written().platter(shown(), |_| OLD), (vec![1; 1_024], 2));
        assert_eq!(written().platter(shown(), |n| n - 1), (shown(), 0));
        let mut turn = 0;
        let mut second_only = |n: usize| {
            turn += 1;
            if turn == 2 { n - 1 } else { OLD }
        };
        let (torn, lost) = written().platter(shown(), &mut second_only);
        assert_eq!((&torn[500..512], &torn[512..524], lost), (&[1; 12][..], &[7; 12][..], 1));
    }

    #[test]
    fn what_was_synced_cannot_be_lost_and_what_came_later_can() {
        let mut file = written();
        file.synced();
        assert_eq!(file.platter(shown(), |_| OLD), (shown(), 0));
        file.write(0, &[9], &shown()[..512]);
        let mut now = shown();
        now[0] = 9;
        assert_eq!(file.platter(now, |_| OLD), (shown(), 1));
    }

    #[test]
    fn the_size_is_a_matter_of_its_own() {
        let mut file = Unsynced::new(0, true);
        file.write(0, &[5; 600], &[0; 1_024]);
        assert_eq!(file.platter(vec![5; 600], |_| OLD).0, []);
        let sized = |n: usize| if n == 2 { 1 } else { 0 };
        assert_eq!(file.platter(vec![5; 600], sized).0, [5; 600]);
        file.synced();
        file.truncate(100, &[[5; 600].as_slice(), &[0; 424]].concat());
        assert_eq!(file.platter(vec![5; 100], |_| OLD).0, [5; 600], "a cut can be undone");
        assert_eq!(file.platter(vec![5; 100], |n| n - 1).0, [5; 100]);
    }
}
