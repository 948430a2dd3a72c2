//! The encoder cache against runs that know nothing, over rounds of random changes.

use std::collections::{BTreeSet, HashSet};

use casync_core::Limits;
use casync_core::archive::IdShift;
use casync_core::cache::{
    CacheCounts, CacheEntry, CacheSettings, CacheTable, CacheWriter, FileIdentity, Mark, Piece, RecordsOf, Tracker,
};
use casync_core::chunk::{ChunkId, ChunkSizes, Cutter, Segment};
use casync_core::error::{Error, Limited, Malformed};
use casync_core::hash::{Digest, DigestAlgorithm};
use casync_core::record::FeatureFlags;
use casync_tests::cut;
use casync_tests::random::{Rng, for_each_seed};

/// A node of a tree that only has what matters here.
#[derive(Clone, Debug)]
struct File {
    path: String,
    records: Vec<u8>,
    inode: u64,
    /// Moves with every change.
    changed: i64,
    content: Vec<u8>,
}

/// A tree that is changed between runs.
struct Tree {
    files: Vec<File>,
    end: Vec<u8>,
    clock: i64,
}

impl Tree {
    fn new(rng: &mut Rng) -> Self {
        let mut tree = Self { files: Vec::new(), end: rng.bytes(40), clock: 0 };
        for _ in 0..rng.number(1..=30) {
            tree.add(rng);
        }
        tree
    }

    fn add(&mut self, rng: &mut Rng) {
        let most = *rng.pick(&[0, 10, 500, 5000, 30_000]);
        let length = rng.number(0..=most);
        let (path, records) = (format!("{:04x}", rng.below(1 << 16)), rng.number(20..=300));
        let mut content = rng.bytes(length);
        if rng.once_in(6) {
            content.fill(0);
        }
        let file = File { path, records: rng.bytes(records), inode: rng.below(40), changed: self.clock, content };
        self.files.retain(|other| other.path != file.path);
        self.files.push(file);
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn change(&mut self, rng: &mut Rng) {
        self.clock += 1;
        let kind = rng.below(8);
        if kind < 2 || self.files.is_empty() {
            return self.add(rng);
        }
        let number = rng.below(self.files.len() as u64) as usize;
        let file = &mut self.files[number];
        match kind {
            2 => drop(self.files.remove(number)),
            3 => file.path.push('+'),
            4 => file.records = rng.bytes(100),
            5 => file.changed = self.clock,
            6 => {
                let at = rng.number(0..=file.content.len());
                let inserted = rng.number(0..=50);
                file.content.splice(at..at, rng.bytes(inserted));
                file.changed = self.clock;
            }
            _ => {
                let from = rng.number(0..=file.content.len());
                file.content[from..].iter_mut().take(20).for_each(|byte| *byte ^= 1);
                file.changed = self.clock;
            }
        }
        if rng.once_in(2) {
            self.end = rng.bytes(16 + 24 * self.files.len());
        }
    }

    fn stream(&self) -> Vec<u8> {
        let file = |file: &File| [file.records.as_slice(), file.content.as_slice()].concat();
        self.files.iter().flat_map(file).chain(self.end.iter().copied()).collect()
    }
}

/// A run with a cache.
struct Run {
    chunks: Vec<(ChunkId, u64)>,
    recorded: Vec<CacheEntry>,
    /// Bytes of payload that were read, some perhaps twice.
    read: u64,
    counts: CacheCounts,
}

/// What a shell does with a tracker, over memory.
struct Shell<'a> {
    tracker: Tracker<&'a [u8]>,
    cutter: Option<Cutter>,
    slots: Vec<Slot>,
    cuts: usize,
    store: &'a HashSet<ChunkId>,
    buffer: usize,
    run: Run,
}

enum Slot {
    Cut(Option<Mark>),
    Known(CacheEntry),
}

const ALGORITHM: DigestAlgorithm = DigestAlgorithm::Sha512_256;

impl<'a> Shell<'a> {
    fn run(
        tree: &'a Tree,
        table: Option<CacheTable>,
        sizes: ChunkSizes,
        buffer: usize,
        store: &'a HashSet<ChunkId>,
    ) -> Run {
        let cutter = Some(Cutter::new(sizes, vec![0; buffer]));
        let run = Run { chunks: Vec::new(), recorded: Vec::new(), read: 0, counts: CacheCounts::default() };
        let mut shell = Self { tracker: Tracker::new(table), cutter, slots: Vec::new(), cuts: 0, store, buffer, run };
        for file in &tree.files {
            let path = file.path.as_bytes();
            shell.tracker.records(path, RecordsOf::Node, &file.records);
            shell.follow();
            let time = (file.changed, 0);
            let size = file.content.len() as u64;
            let identity =
                FileIdentity { device: 1, inode: file.inode, generation: None, size, mtime: time, ctime: time };
            shell.tracker.payload(path, identity, file.changed < tree.clock, &file.content);
            shell.follow();
        }
        shell.tracker.records(b"", RecordsOf::End, &tree.end);
        shell.tracker.end();
        shell.follow();
        if shell.tracker.pending() > 0 {
            let mark = shell.tracker.cut(shell.tracker.pending());
            shell.slots.push(Slot::Cut(mark));
        }
        let last = shell.cutter.take().unwrap().finish();
        shell.hand_on(&last);
        shell.run.counts = shell.tracker.counts();
        shell.run
    }

    fn follow(&mut self) {
        loop {
            let cutter = self.cutter.as_mut().unwrap();
            while let Some(id) = self.tracker.decide() {
                if self.store.contains(&id) {
                    cutter.rewind(self.cuts);
                    self.slots.push(Slot::Known(self.tracker.reuse().unwrap()));
                } else {
                    self.tracker.refuse();
                }
            }
            if let Some(end) = cutter.cuts().get(self.cuts) {
                let start = self.cuts.checked_sub(1).map_or(0, |before| cutter.cuts()[before]);
                self.slots.push(Slot::Cut(self.tracker.cut((end - start) as u64)));
                self.cuts += 1;
                continue;
            }
            if cutter.space().is_empty() {
                let segment = cutter.swap(vec![0xaa; self.buffer]);
                self.hand_on(&segment);
                continue;
            }
            let count = match self.tracker.next() {
                None => return,
                Some(Piece::Records(bytes)) => cutter.push(bytes).unwrap(),
                Some(Piece::Payload { file, offset, .. }) => {
                    let rest = &file[offset as usize..];
                    let count = cutter.push(&rest[..rest.len().min(3000)]).unwrap();
                    self.run.read += count as u64;
                    count
                }
            };
            self.tracker.wrote(count as u64);
        }
    }

    fn hand_on(&mut self, segment: &Segment) {
        let mut cut = segment.chunks();
        for slot in self.slots.drain(..) {
            let (id, length, mark) = match slot {
                Slot::Known(entry) => (entry.id, entry.length, Some(entry.mark)),
                Slot::Cut(mark) => {
                    let chunk = cut.next().unwrap();
                    (ChunkId::of(chunk, ALGORITHM), chunk.len() as u64, mark)
                }
            };
            self.run.chunks.push((id, length));
            self.run.recorded.extend(mark.map(|mark| CacheEntry { mark, length, id }));
        }
        assert!(cut.next().is_none(), "every cut was marked");
        self.cuts = 0;
    }
}

fn settings(sizes: ChunkSizes) -> CacheSettings {
    let features = FeatureFlags::ALL | FeatureFlags::SHA512_256;
    CacheSettings { features, sizes, shift: IdShift::default(), tree: Digest::default() }
}

fn file(settings: &CacheSettings, entries: &[CacheEntry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = CacheWriter::new(settings, 7, &mut file);
    entries.iter().for_each(|entry| writer.push(entry, &mut file));
    writer.finish(&mut file);
    file
}

fn sizes(rng: &mut Rng) -> ChunkSizes {
    match rng.below(4) {
        0 => ChunkSizes::new(700, 700, 700).unwrap(),
        1 => ChunkSizes::new(50, 100, 20_000).unwrap(),
        _ => ChunkSizes::with_average(200 + rng.below(3000)).unwrap(),
    }
}

fn plain(stream: &[u8], sizes: ChunkSizes) -> Vec<(ChunkId, u64)> {
    let mut start = 0;
    let ends = cut::by_chunker(&[stream], sizes).unwrap();
    let chunks = ends.iter().map(|&end| &stream[std::mem::replace(&mut start, end)..end]);
    chunks.map(|chunk| (ChunkId::of(chunk, ALGORITHM), chunk.len() as u64)).collect()
}

#[test]
fn a_run_with_a_cache_makes_the_chunks_of_one_without() {
    let (mut hits, mut invalidated) = (0, 0);
    for_each_seed(150, |rng| {
        let (mut tree, sizes) = (Tree::new(rng), sizes(rng));
        let settings = settings(sizes);
        let mut store = HashSet::new();
        let mut known: Option<Vec<u8>> = None;
        for _ in 0..12 {
            let table = known.take().map(|bytes| CacheTable::parse(bytes, &settings, &Limits::default()).unwrap());
            let buffer = sizes.max() as usize + rng.number(1..=20_000);
            let run = Shell::run(&tree, table, sizes, buffer, &store);
            assert_eq!(run.chunks, plain(&tree.stream(), sizes));
            (hits, invalidated) = (hits + run.counts.hits, invalidated + run.counts.invalidated);
            store.extend(run.chunks.iter().map(|(id, _)| *id));
            if rng.once_in(3) {
                let lost: BTreeSet<ChunkId> = store.iter().copied().filter(|_| rng.once_in(4)).collect();
                store.retain(|id| !lost.contains(id));
            }
            known = Some(file(&settings, &run.recorded));
            for _ in 0..rng.below(5) {
                tree.change(rng);
            }
            // What is announced as just changed may change once more and look the same.
            let now = tree.clock;
            for file in tree.files.iter_mut().filter(|file| file.changed == now) {
                file.content.iter_mut().take(9).for_each(|byte| *byte ^= 0x55);
            }
        }
    });
    assert!(hits > 1000 && invalidated > 100, "{hits} hits, {invalidated} invalidated");
}

#[test]
fn what_has_not_changed_is_not_read() {
    for_each_seed(40, |rng| {
        let (mut tree, sizes) = (Tree::new(rng), sizes(rng));
        tree.clock += 1;
        let settings = settings(sizes);
        let buffer = sizes.max() as usize + rng.number(1..=20_000);
        let empty = HashSet::new();
        let first = Shell::run(&tree, None, sizes, buffer, &empty);
        assert_eq!(first.recorded.len(), first.chunks.len());
        let store: HashSet<ChunkId> = first.chunks.iter().map(|(id, _)| *id).collect();
        let parse = |run: &Run| CacheTable::parse(file(&settings, &run.recorded), &settings, &Limits::default());

        let again = Shell::run(&tree, Some(parse(&first).unwrap()), sizes, buffer, &store);
        let expected = CacheCounts { hits: first.chunks.len() as u64, ..CacheCounts::default() };
        assert_eq!((again.counts, again.read), (expected, 0));
        assert_eq!((again.chunks, &again.recorded), (first.chunks.clone(), &first.recorded));

        // One changed file costs itself and its surroundings.
        if let Some(file) = tree.files.iter_mut().max_by_key(|file| file.content.len()) {
            file.changed = tree.clock;
            let size = file.content.len() as u64;
            tree.clock += 1;
            let run = Shell::run(&tree, Some(parse(&first).unwrap()), sizes, buffer, &store);
            assert!(run.read >= size && run.read <= 2 * size + 6 * sizes.max(), "{} of {size}", run.read);
        }
    });
}

#[test]
fn damaged_files_are_refused() {
    let sizes = ChunkSizes::new(50, 100, 20_000).unwrap();
    let settings = settings(sizes);
    let tree = Tree::new(&mut Rng::new(3));
    let run = Shell::run(&Tree { clock: 1, ..tree }, None, sizes, 50_000, &HashSet::new());
    let whole = file(&settings, &run.recorded[..3]);
    let parse = |bytes: Vec<u8>| CacheTable::parse(bytes, &settings, &Limits::default());
    let damaged = Err(Error::Format { what: Malformed::Cache, offset: None });
    assert_eq!(parse(whole.clone()).map(|table| (table.len(), table.started())), Ok((3, 7)));
    for length in 0..whole.len() {
        assert_eq!(parse(whole[..length].to_vec()).map(|_| ()), damaged, "cut off at {length}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        assert_eq!(parse(bytes).map(|_| ()), damaged, "flipped bit at {at}");
    }
    assert_eq!(parse([whole.as_slice(), &[0]].concat()).map(|_| ()), damaged, "more");
    // Lengths that no chunk has, even if whoever wrote them got the digest right.
    for length in [0, sizes.max() + 1, u64::MAX] {
        let entry = CacheEntry { length, ..run.recorded[0] };
        assert_eq!(parse(file(&settings, &[entry])).map(|_| ()), damaged, "{length}");
    }
    let few = Limits::default().with_index_chunks(2);
    let refused = CacheTable::parse(whole.clone(), &settings, &few).map(|_| ());
    assert_eq!(refused, Err(Error::Limit { what: Limited::IndexChunks, value: 3, max: 2 }));
    assert!(CacheTable::size_max(&few) < whole.len() as u64);
}

#[test]
fn other_settings_are_another_file() {
    let settings = settings(ChunkSizes::default());
    let whole = file(&settings, &[]);
    let others = [
        CacheSettings { features: settings.features - FeatureFlags::SHA512_256, ..settings },
        CacheSettings { features: settings.features - FeatureFlags::ACL, ..settings },
        CacheSettings { features: settings.features | FeatureFlags::EXCLUDE_NODUMP, ..settings },
        CacheSettings { sizes: ChunkSizes::with_average(1 << 15).unwrap(), ..settings },
        CacheSettings { shift: IdShift::new(1, 0), ..settings },
        CacheSettings { shift: IdShift::new(0, 1), ..settings },
        CacheSettings { tree: Digest([1; 32]), ..settings },
    ];
    for other in others {
        assert_ne!(other.digest(), settings.digest());
        let parsed = CacheTable::parse(whole.clone(), &other, &Limits::default());
        assert_eq!(parsed.map(|_| ()), Err(Error::Format { what: Malformed::Cache, offset: None }));
    }
}
