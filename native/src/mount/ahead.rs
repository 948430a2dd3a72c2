//! Recognizes who reads an image in order, so that what comes next can be fetched before it is asked for.
//!
//! What counts is the place in the image, not the file: who reads a tree's files one after the other goes through the
//! archive in order as well, with small steps over the metadata between them. Reads of one reader may come out of order,
//! since the kernel has several under way.

use std::ops::Range;

/// A reader, as far as it can be told from its reads.
#[derive(Clone, Copy, Debug)]
struct Stream {
    /// Where its last read ended, or the farthest one.
    next: u64,
    /// Up to where was fetched ahead.
    fetched: u64,
    /// Reads in order so far.
    run: u32,
    /// When it read last.
    used: u64,
}

/// The readers of one image.
#[derive(Debug, Default)]
pub struct Streams {
    streams: Vec<Stream>,
    clock: u64,
}

impl Streams {
    /// Readers that are told apart.
    const MAX: usize = 16;
    /// A step forward that is no jump: metadata between two files, or a few pages that somebody has in memory.
    const STEP: u64 = 16 << 10;
    /// How far a read of a known reader may come late, or before others.
    const LATE: u64 = 1 << 20;
    const EARLY: u64 = 256 << 10;
    /// Reads in order until a reader is recognized: one file alone is its entry and then its content.
    const SURE: u32 = 2;
    /// What is fetched ahead of a reader that has just been recognized.
    const FIRST: u64 = 64 << 10;

    /// Takes note of a read; returns the range to fetch now, which may be empty. `window`: how far ahead of a reader at
    /// most.
    pub fn note(&mut self, read: Range<u64>, window: u64) -> Range<u64> {
        self.clock += 1;
        let follows = |stream: &Stream| {
            let (late, early) = if stream.run > 0 { (Self::LATE, Self::EARLY) } else { (0, Self::STEP) };
            (stream.next.saturating_sub(late)..=stream.next + early).contains(&read.start)
        };
        let Some(stream) = self.streams.iter_mut().find(|stream| follows(stream)) else {
            self.begin(&read);
            return 0..0;
        };
        stream.used = self.clock;
        // The same again leads nowhere.
        if read.end <= stream.next {
            return 0..0;
        }
        stream.next = read.end;
        stream.run = stream.run.saturating_add(1);
        if stream.run < Self::SURE {
            return 0..0;
        }
        let reach = (Self::FIRST << stream.run.min(16)).min(window);
        let (from, to) = (stream.fetched.max(stream.next), stream.next.saturating_add(reach));
        // In large steps, so that chunks are fetched several at a time.
        if to.saturating_sub(from) < reach / 2 {
            return 0..0;
        }
        stream.fetched = to;
        from..to
    }

    fn begin(&mut self, read: &Range<u64>) {
        let stream = Stream { next: read.end, fetched: read.end, run: 0, used: self.clock };
        if self.streams.len() < Self::MAX {
            self.streams.push(stream);
        } else if let Some(oldest) = self.streams.iter_mut().min_by_key(|stream| stream.used) {
            *oldest = stream;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 4 << 20;
    const PAGE: u64 = 4096;

    #[test]
    fn readers_in_order_are_followed_ever_farther() {
        let mut streams = Streams::default();
        let (mut fetched, mut largest) = (0, 0);
        for number in 0..1000 {
            let read = number * PAGE..(number + 1) * PAGE;
            let ahead = streams.note(read.clone(), WINDOW);
            if !ahead.is_empty() {
                assert!(ahead.start >= fetched && ahead.end <= read.end + WINDOW, "{read:?} {ahead:?}");
                fetched = ahead.end;
            }
            largest = largest.max(fetched.saturating_sub(read.end));
            assert!(number < 3 || fetched >= read.end, "{read:?} was not fetched");
        }
        assert_eq!(largest, WINDOW);
    }

    #[test]
    fn steps_over_metadata_are_in_order() {
        let mut streams = Streams::default();
        let ahead: Vec<_> = (0..4).map(|number| streams.note(number * 9000..number * 9000 + 8000, WINDOW)).collect();
        assert!(ahead[0].is_empty() && ahead[1].is_empty() && !ahead[2].is_empty(), "{ahead:?}");
    }

    #[test]
    fn the_same_again_is_no_order() {
        let mut streams = Streams::default();
        for number in 0..100 {
            let read = number % 2 * PAGE..(number % 2 + 1) * PAGE;
            assert_eq!(streams.note(read, WINDOW), 0..0);
        }
    }

    #[test]
    fn late_reads_do_not_move_a_reader_back() {
        let mut streams = Streams::default();
        let reads = [0, 1, 3, 2, 5, 4, 6].map(|number| number * (128 << 10)..(number + 1) * (128 << 10));
        let mut fetched = 0;
        for read in reads {
            let ahead = streams.note(read, WINDOW);
            assert!(ahead.is_empty() || ahead.start >= fetched, "{ahead:?} after {fetched}");
            fetched = fetched.max(ahead.end);
        }
    }

    #[test]
    fn jumps_are_nobody_s_order() {
        let mut streams = Streams::default();
        for number in 0..1000_u64 {
            let start = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            assert_eq!(streams.note(start..start + PAGE, WINDOW), 0..0);
        }
        // Many at the same time, each in order.
        let mut streams = Streams::default();
        let mut found = 0;
        for number in 0..8 {
            for reader in 0..16_u64 {
                let start = (reader << 30) + number * PAGE;
                found += usize::from(!streams.note(start..start + PAGE, WINDOW).is_empty());
            }
        }
        assert!(found >= 16, "{found}");
    }
}
