//! Index files of any size, without holding them in memory.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use casync_core::Limits;
use casync_core::chunk::ChunkSizes;
use casync_core::error::{Error as CoreError, Malformed};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::{IndexTable, Piece, check_ends};
use casync_core::record::{FeatureFlags, INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE, IndexHeader, IndexItem};

use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::fs::blob::{self, Kind};

/// The chunks of a stream, by number.
#[derive(Debug)]
pub struct Index(Form);

#[derive(Debug)]
enum Form {
    /// A regular file, read a page at a time.
    File(Paged),
    /// What came through a pipe.
    Table(IndexTable),
}

#[derive(Debug)]
struct Paged {
    file: std::fs::File,
    header: IndexHeader,
    chunks: u64,
    /// Items `first..first + items.len()`.
    first: u64,
    items: Vec<IndexItem>,
    size: u64,
}

impl Index {
    /// Items that are read at once: 1.3 MiB, of streams up to 2 GiB all of them.
    const PAGE: u64 = 1 << 15;

    /// Opens an index; a regular file is checked at both ends, anything else is read to its end.
    ///
    /// # Errors
    ///
    /// If it is not a whole, valid index.
    pub fn open(fd: OwnedFd) -> Result<Self> {
        if Kind::of(&fd)? == Kind::File {
            return Self::open_file(std::fs::File::from(fd));
        }
        let limits = Limits::default();
        let mut builder = IndexTable::builder(&limits);
        let mut buffer = vec![0; 64 << 10];
        let mut pipe = std::fs::File::from(fd);
        loop {
            stop::wait_readable(&pipe)?;
            match std::io::Read::read(&mut pipe, &mut buffer) {
                Ok(0) => break,
                Ok(count) => builder.push(&buffer[..count]).map_err(Error::in_index)?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(Form::Table(builder.finish().map_err(Error::in_index)?)))
    }

    fn open_file(file: std::fs::File) -> Result<Self> {
        let length = file.metadata()?.len();
        let mut head = [0; INDEX_HEADER_SIZE];
        let filled = blob::read_at(&file, &mut head, 0)?;
        let mut tail = [0; INDEX_TAIL_SIZE];
        let tail_filled = match length.checked_sub(INDEX_TAIL_SIZE as u64) {
            Some(place) => blob::read_at(&file, &mut tail, place)?,
            None => 0,
        };
        let ends = check_ends(&head[..filled], &tail[..tail_filled], length);
        let (header, chunks) = match ends {
            Ok(found) => found,
            Err(error) => return Err(Self::diagnose(&file).unwrap_or_else(|| Error::in_index(error))),
        };
        let mut paged = Paged { file, header, chunks, first: 0, items: Vec::new(), size: 0 };
        paged.size = match chunks.checked_sub(1) {
            Some(last) => paged.item(last)?.end,
            None => 0,
        };
        Ok(Self(Form::File(paged)))
    }

    /// What the reader says of a file whose ends are wrong: it knows more exactly where the damage is.
    fn diagnose(file: &std::fs::File) -> Option<Error> {
        let mut builder = IndexTable::builder(&Limits::default());
        let mut buffer = vec![0; 64 << 10];
        let mut offset = 0;
        loop {
            match file.read_at(&mut buffer, offset).ok()? {
                0 => return builder.finish().err().map(Error::in_index),
                count => {
                    offset += count as u64;
                    if let Err(error) = builder.push(&buffer[..count]) {
                        return Some(Error::in_index(error));
                    }
                }
            }
        }
    }

    /// All of it in memory, for who reads the stream at random.
    ///
    /// # Errors
    ///
    /// If it cannot be read to its end, breaks the format, or has more chunks than there may be.
    pub fn into_table(self) -> Result<IndexTable> {
        let paged = match self.0 {
            Form::Table(table) => return Ok(table),
            Form::File(paged) => paged,
        };
        let mut builder = IndexTable::builder(&Limits::default());
        let mut buffer = vec![0; 1 << 20];
        let mut offset = 0;
        loop {
            match blob::read_at(&paged.file, &mut buffer, offset).context(|| "read the index")? {
                0 => return builder.finish().map_err(Error::in_index),
                count => {
                    offset += count as u64;
                    builder.push(&buffer[..count]).map_err(Error::in_index)?;
                }
            }
        }
    }

    /// Device and inode of the file, if it is one.
    pub fn identity(&self) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        match &self.0 {
            Form::File(paged) => paged.file.metadata().ok().map(|file| (file.dev(), file.ino())),
            Form::Table(_) => None,
        }
    }

    /// Another one of the same file, so that two can read in different places; `None` for what came through a pipe.
    pub fn another(&self) -> Option<Self> {
        let Form::File(Paged { file, header, chunks, size, .. }) = &self.0 else { return None };
        let (file, header) = (file.try_clone().ok()?, *header);
        Some(Self(Form::File(Paged { file, header, chunks: *chunks, first: 0, items: Vec::new(), size: *size })))
    }

    /// The archive's feature flags.
    pub fn features(&self) -> FeatureFlags {
        match &self.0 {
            Form::File(paged) => paged.header.features,
            Form::Table(table) => table.features(),
        }
    }

    /// The digest of the chunk ids.
    pub fn algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::of(self.features())
    }

    /// The sizes the stream was cut with.
    pub fn sizes(&self) -> ChunkSizes {
        match &self.0 {
            Form::File(paged) => paged.header.sizes,
            Form::Table(table) => table.sizes(),
        }
    }

    /// Number of chunks.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Form::File(paged) => paged.chunks,
            Form::Table(table) => table.len() as u64,
        }
    }

    /// Whether the stream is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in the stream.
    pub fn stream_size(&self) -> u64 {
        match &self.0 {
            Form::File(paged) => paged.size,
            Form::Table(table) => table.stream_size(),
        }
    }

    /// Chunk `number`; `None` past the end.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the item breaks the format.
    pub fn get(&mut self, number: u64) -> Result<Option<Piece>> {
        match &mut self.0 {
            Form::File(paged) if number < paged.chunks => paged.piece(number).map(Some),
            Form::File(_) => Ok(None),
            Form::Table(table) => Ok(usize::try_from(number).ok().and_then(|number| table.get(number))),
        }
    }

    /// Number of the chunk that holds byte `offset`; past the end the number of chunks.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn position(&mut self, offset: u64) -> Result<u64> {
        match &mut self.0 {
            Form::Table(table) => {
                let number = table.at(offset).map_or(table.len(), |piece| piece.number);
                Ok(number as u64)
            }
            Form::File(paged) => {
                let (mut low, mut high) = (0, paged.chunks);
                if let Some(number) = paged.held_position(offset) {
                    return Ok(number);
                }
                while low < high {
                    let middle = low + (high - low) / 2;
                    if paged.end_of(middle)? <= offset {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                Ok(low)
            }
        }
    }
}

impl Paged {
    fn piece(&mut self, number: u64) -> Result<Piece> {
        let start = match number.checked_sub(1) {
            Some(before) => self.item(before)?.end,
            None => 0,
        };
        let item = self.item(number)?;
        let broken = |what: Malformed| {
            let offset = Some(Self::place(number));
            Error::in_index(CoreError::Format { what, offset })
        };
        let size = item.end.checked_sub(start).filter(|size| *size > 0).ok_or_else(|| broken(Malformed::ItemOrder))?;
        if size > self.header.sizes.max() {
            return Err(broken(Malformed::ItemSize(size)));
        }
        if item.end > i64::MAX as u64 {
            return Err(broken(Malformed::ItemOrder));
        }
        Ok(Piece { number: usize::try_from(number).unwrap_or(usize::MAX), id: item.id, start, size })
    }

    /// Item `number`, if it is among those held.
    fn held(&self, number: u64) -> Option<IndexItem> {
        self.items.get(usize::try_from(number.checked_sub(self.first)?).ok()?).copied()
    }

    fn item(&mut self, number: u64) -> Result<IndexItem> {
        if let Some(item) = self.held(number) {
            return Ok(item);
        }
        // One item before the wanted one, for where that starts.
        let first = number.saturating_sub(1);
        let count = Index::PAGE.min(self.chunks - first);
        let mut bytes = vec![0; count as usize * INDEX_ITEM_SIZE];
        self.file.read_exact_at(&mut bytes, Self::place(first)).context(|| "read the index")?;
        self.first = first;
        self.items = bytes.chunks_exact(INDEX_ITEM_SIZE).map(IndexItem::parse).collect();
        Ok(self.items[(number - first) as usize])
    }

    /// Number of the chunk that holds byte `offset`, if it is among the items held.
    fn held_position(&self, offset: u64) -> Option<u64> {
        let before = self.items.first().filter(|item| self.first == 0 || item.end <= offset)?;
        let at = if before.end > offset { 0 } else { self.items.partition_point(|item| item.end <= offset) };
        (at < self.items.len()).then_some(self.first + at as u64)
    }

    /// Where chunk `number` ends, without disturbing the items held.
    fn end_of(&self, number: u64) -> Result<u64> {
        if let Some(item) = self.held(number) {
            return Ok(item.end);
        }
        let mut bytes = [0; INDEX_ITEM_SIZE];
        self.file.read_exact_at(&mut bytes, Self::place(number)).context(|| "read the index")?;
        Ok(IndexItem::parse(&bytes).end)
    }

    const fn place(number: u64) -> u64 {
        INDEX_HEADER_SIZE as u64 + number * INDEX_ITEM_SIZE as u64
    }
}
