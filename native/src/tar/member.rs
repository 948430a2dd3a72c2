//! One member of a tar file: its headers, extended ones first, put together.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use tar::{GnuExtSparseHeader, Header};

use super::metadata::field;
use super::pax::{Records, malformed, number};
use super::sparse::Map;
use crate::error::{Context as _, Error, Result};
use crate::fs::blob;
use crate::fs::walk::OpenFile;

/// Size of headers, and of what everything is filled up to.
const BLOCK: u64 = 512;
/// Largest extended header: room for the extended attributes of any file.
const RECORDS_MAX: u64 = 16 << 20;
/// Longest name in a header of its own.
const NAME_MAX: u64 = 64 << 10;

/// A tar file that can be read at any offset.
#[derive(Debug)]
pub(super) struct TarFile {
    open: OpenFile,
    size: u64,
}

/// What comes next in a tar file.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly everything is a member")]
pub(super) enum Next {
    Member(Member),
    /// Records that count for all members from `next` on.
    Global {
        records: Vec<u8>,
        next: u64,
    },
    End,
}

/// What is known of a member by its headers.
pub(super) struct Member {
    pub(super) header: Header,
    /// Its name, as it stands there.
    pub(super) name: Vec<u8>,
    /// What it links to.
    pub(super) link: Vec<u8>,
    /// Its pax records.
    pub(super) records: Vec<u8>,
    /// Map and real size of a sparse file in GNU's old form.
    pub(super) old_sparse: Option<(Map, u64)>,
    /// Where its data lie.
    pub(super) data: u64,
    /// How many there are.
    pub(super) size: u64,
    /// Where the next member begins.
    pub(super) next: u64,
}

impl TarFile {
    /// Takes a regular file.
    pub(super) fn new(fd: OwnedFd) -> Result<Self> {
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { size: stat.st_size as u64, open: OpenFile { fd, stat, magic: 0 } })
    }

    pub(super) const fn fd(&self) -> &OwnedFd {
        &self.open.fd
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Fails if somebody has written to it meanwhile.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        self.open.check_unchanged()
    }

    /// The block at an offset.
    pub(super) fn block(&self, offset: u64) -> Result<[u8; BLOCK as usize]> {
        let mut block = [0; BLOCK as usize];
        if blob::read_at(self.fd(), &mut block, offset)? < block.len() {
            return Err(self.cut());
        }
        Ok(block)
    }

    /// Whether the file begins as a tar does.
    pub(super) fn is_tar(&self) -> bool {
        self.block(0).is_ok_and(|block| is_end(&block) || has_checksum(Header::from_byte_slice(&block)))
    }

    /// The member at an offset.
    pub(super) fn read(&self, start: u64) -> Result<Next> {
        let mut position = start;
        let (mut name, mut link, mut records) = (None, None, Vec::new());
        loop {
            let block = self.block(position)?;
            if is_end(&block) {
                return if position == start { Ok(Next::End) } else { Err(malformed("an extended header")) };
            }
            let header = Header::from_byte_slice(&block);
            if !has_checksum(header) {
                return Err(malformed("a header").context(format!("at offset {position}")));
            }
            position += BLOCK;
            let size = field(&header.as_old().size, || header.entry_size())?;
            match header.entry_type().as_byte() {
                b'x' | b'X' => records = self.extension(&mut position, size, RECORDS_MAX)?,
                b'L' => name = Some(self.long_name(&mut position, size)?),
                b'K' => link = Some(self.long_name(&mut position, size)?),
                b'g' if position == start + BLOCK => {
                    let records = self.extension(&mut position, size, RECORDS_MAX)?;
                    return Ok(Next::Global { records, next: position });
                }
                b'g' => return Err(malformed("an extended header")),
                _ => {
                    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
                    let header = header.clone();
                    let (old_sparse, data, next) = (None, position, position);
                    let mut member = Member { header, name, link, records, old_sparse, data, size, next };
                    self.complete(&mut member)?;
                    return Ok(Next::Member(member));
                }
            }
        }
    }

    /// Takes in what records and headers behind the first say of a member, and finds its end.
    fn complete(&self, member: &mut Member) -> Result<()> {
        let mut sparse_name = None;
        for record in Records(&member.records) {
            match record? {
                (b"path", value) => member.name = value.to_vec(),
                (b"GNU.sparse.name", value) => sparse_name = Some(value.to_vec()),
                (b"linkpath", value) => member.link = value.to_vec(),
                (b"size", value) => member.size = number(value).ok_or_else(|| malformed("the size of a member"))?,
                _ => {}
            }
        }
        if let Some(name) = sparse_name {
            member.name = name;
        }
        if member.header.entry_type().as_byte() == b'S' {
            self.old_sparse(member)?;
        }
        // compat: whatever the size of a link says, GNU tar takes no data for it.
        if member.header.entry_type().is_hard_link() {
            member.size = 0;
        }
        let end = member.size.checked_next_multiple_of(BLOCK).and_then(|size| size.checked_add(member.data));
        member.next = end.filter(|end| *end <= self.size).ok_or_else(|| self.cut())?;
        Ok(())
    }

    fn old_sparse(&self, member: &mut Member) -> Result<()> {
        let bad = || malformed("the header of a sparse file");
        let gnu = member.header.as_gnu().ok_or_else(bad)?;
        let size = gnu.real_size().map_err(|_| bad())?;
        let mut map = Map::default();
        map.extend(&gnu.sparse)?;
        let mut more = gnu.is_extended();
        while more {
            let mut header = GnuExtSparseHeader::new();
            *header.as_mut_bytes() = self.block(member.data)?;
            map.extend(header.sparse())?;
            member.data += BLOCK;
            more = header.is_extended();
        }
        member.old_sparse = Some((map, size));
        Ok(())
    }

    /// The bytes of an extended header.
    fn extension(&self, position: &mut u64, size: u64, max: u64) -> Result<Vec<u8>> {
        if size > max {
            return Err(Error::new(Errno::FBIG, format!("an extended header of {size} bytes; {max} are enough")));
        }
        if *position + size > self.size {
            return Err(self.cut());
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        if blob::read_at(self.fd(), &mut bytes, *position)? < bytes.len() {
            return Err(self.cut());
        }
        *position += size.next_multiple_of(BLOCK);
        Ok(bytes)
    }

    fn long_name(&self, position: &mut u64, size: u64) -> Result<Vec<u8>> {
        let mut name = self.extension(position, size, NAME_MAX).context(|| "read a long name")?;
        let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(length);
        Ok(name)
    }

    fn cut(&self) -> Error {
        Error::new(Errno::PIPE, format!("the tar ends after {} bytes, before it is complete", self.size))
            .hint("was it copied in full, or was its making interrupted?")
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("name", &String::from_utf8_lossy(&self.name)).finish_non_exhaustive()
    }
}

fn is_end(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// Whether the checksum of a header is right.
fn has_checksum(header: &Header) -> bool {
    let mut right = header.clone();
    right.set_cksum();
    header.cksum().is_ok_and(|sum| Ok(sum) == right.cksum().map_err(drop))
}
