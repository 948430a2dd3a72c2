//! A tar file as the stream of an archive.

use std::collections::btree_map;

use casync_core::Name;
use casync_core::archive::{Content, Encoder, ExcludeFile, ExcludeRules, FileType, Metadata, Node, Selection};
use casync_core::record::FeatureFlags;
use rustix::io::Errno;

use super::member::Member;
use super::metadata::{Type, of_missing_directory};
use super::sparse::{self, Layout};
use super::tree::{TarTree, What};
use crate::error::{Context as _, Error, Result};
use crate::flow::source::{Words, read_data};
use crate::flow::stream::StreamWriter;
use crate::fs::blob;
use crate::fs::walk::{EXCLUDE_NAME, EXCLUDE_SIZE_MAX};
use crate::ui::{log, narrate};

/// A directory whose entries are being written.
struct Open {
    entries: btree_map::IntoIter<Box<[u8]>, usize>,
    rules: ExcludeRules,
    /// Length of its own path.
    path: usize,
}

/// A member that is to be stored.
struct Found {
    node: Node,
    layout: Option<Layout>,
}

/// Writes the tree of a tar file as an archive; the tree is used up.
///
/// # Errors
///
/// What cannot be read or stored, by its path.
pub fn pack(tree: TarTree, selection: Selection, words: Words, stream: &mut StreamWriter<'_>) -> Result<()> {
    let features = selection.features();
    let mut packer = Packer { tree, selection, path: Vec::new(), open: Vec::new(), records: Vec::new() };
    let mut encoder = Encoder::new(features);
    packer.node(None, 0, words, &mut encoder, stream)?;
    while let Some(open) = packer.open.last_mut() {
        stream.check()?;
        packer.path.truncate(open.path);
        let Some((name, node)) = open.entries.next() else {
            packer.open.pop();
            packer.records.clear();
            encoder.leave(&mut packer.records)?;
            stream.write(&packer.records)?;
            packer.say(words.1);
            continue;
        };
        let name = Name::new(&name)?;
        if !packer.path.is_empty() {
            packer.path.push(b'/');
        }
        packer.path.extend_from_slice(&name);
        packer.node(Some(name), node, words, &mut encoder, stream)?;
    }
    packer.tree.file.check_unchanged()
}

struct Packer {
    tree: TarTree,
    selection: Selection,
    path: Vec<u8>,
    open: Vec<Open>,
    records: Vec<u8>,
}

impl Packer {
    fn shown_path(&self) -> String {
        if self.path.is_empty() { "./".to_owned() } else { String::from_utf8_lossy(&self.path).into_owned() }
    }

    fn say(&self, word: &str) {
        if log::is_verbose() {
            log::verbose(format_args!("{word} {}", self.shown_path()));
        }
    }

    /// Writes a node, unless it is left out; a directory without its end.
    fn node(
        &mut self,
        name: Option<Name>,
        number: usize,
        words: Words,
        encoder: &mut Encoder,
        stream: &mut StreamWriter<'_>,
    ) -> Result<()> {
        let found = self.find(number).context(|| format!("read {:?}", self.shown_path()))?;
        let Some(Found { node, layout }) = found.filter(|found| !self.is_ruled_out(name.as_deref(), found)) else {
            return Ok(());
        };
        self.say(words.0);
        self.records.clear();
        let encoded = match &name {
            Some(name) => encoder.child(name, &node, &mut self.records),
            None => encoder.root(&node, &mut self.records),
        };
        encoded.context(|| format!("store {:?}", self.shown_path()))?;
        if name.is_none() {
            narrate::features(self.selection.features());
        }
        stream.write(&self.records)?;
        if node.content == Content::Directory {
            let rules = self.rules(name.as_deref(), number)?;
            let entries = std::mem::take(&mut self.tree.nodes[number].children).into_iter();
            self.open.push(Open { entries, rules, path: self.path.len() });
            return Ok(());
        }
        if let Some(layout) = layout {
            self.payload(&layout, stream).context(|| format!("read {:?}", self.shown_path()))?;
            encoder.payload(layout.size)?;
        }
        self.say(words.1);
        Ok(())
    }

    /// Reads what a node is; `None` if such nodes are not stored.
    fn find(&self, number: usize) -> Result<Option<Found>> {
        let start = match self.tree.nodes[number].what {
            What::Directory(start) | What::Other(start) => start,
            What::MissingDirectory => {
                let metadata = self.selected(FileType::Directory, of_missing_directory())?;
                return Ok(Some(Found { node: Node { metadata, content: Content::Directory }, layout: None }));
            }
            What::Pending => return Err(Errno::NOENT.into()),
        };
        let (member, global) = self.tree.member(start)?;
        let Type::Node(file_type) = member.file_type()? else { return Err(Errno::IO.into()) };
        if !self.selection.admits(file_type) {
            return Ok(None);
        }
        let layout = match file_type {
            FileType::Regular => Some(sparse::layout(&self.tree.file, &member)?),
            _ => None,
        };
        let content = content(&member, file_type, layout.as_ref())?;
        let metadata = member.metadata(&global, self.selection.features())?;
        let metadata = self.selected(file_type, metadata)?;
        Ok(Some(Found { node: Node { metadata, content }, layout }))
    }

    fn selected(&self, file_type: FileType, mut metadata: Metadata) -> Result<Metadata> {
        self.selection.apply(file_type, &mut metadata)?;
        Ok(metadata)
    }

    /// Whether a `.caexclude` file leaves out an entry of the innermost directory.
    fn is_ruled_out(&self, name: Option<&[u8]>, found: &Found) -> bool {
        let is_directory = found.node.content == Content::Directory;
        let parent = self.open.last().zip(name);
        parent.is_some_and(|(parent, name)| parent.rules.excludes(name, is_directory))
    }

    /// What `.caexclude` files say of the entries of a directory. Links to such files are not followed.
    fn rules(&self, name: Option<&[u8]>, number: usize) -> Result<ExcludeRules> {
        if !self.selection.features().contains(FeatureFlags::EXCLUDE_FILE) {
            return Ok(ExcludeRules::default());
        }
        let own = match self.tree.nodes[number].children.get(EXCLUDE_NAME) {
            Some(&child) => {
                self.exclude_file(child).context(|| format!("read .caexclude of {:?}", self.shown_path()))?
            }
            None => ExcludeFile::default(),
        };
        Ok(match (self.open.last(), name) {
            (Some(parent), Some(name)) => parent.rules.enter(name, &own),
            _ => ExcludeRules::root(&own),
        })
    }

    fn exclude_file(&self, number: usize) -> Result<ExcludeFile> {
        let What::Other(start) = self.tree.nodes[number].what else { return Ok(ExcludeFile::default()) };
        let (member, _) = self.tree.member(start)?;
        if member.file_type()? != Type::Node(FileType::Regular) {
            return Ok(ExcludeFile::default());
        }
        let layout = sparse::layout(&self.tree.file, &member)?;
        if layout.size > EXCLUDE_SIZE_MAX {
            return Err(Error::from(Errno::NOBUFS));
        }
        let mut text = vec![0; usize::try_from(layout.size).unwrap_or(usize::MAX)];
        let mut data = layout.data;
        for piece in &layout.pieces {
            let start = usize::try_from(piece.offset).unwrap_or(usize::MAX);
            let end = usize::try_from(piece.offset + piece.length).unwrap_or(usize::MAX);
            if blob::read_at(self.tree.file.fd(), &mut text[start..end], data)? < end - start {
                return Err(Errno::IO.into());
            }
            data += piece.length;
        }
        Ok(ExcludeFile::parse(&text)?)
    }

    fn payload(&self, layout: &Layout, stream: &mut StreamWriter<'_>) -> Result<()> {
        let (mut position, mut data) = (0, layout.data);
        for piece in &layout.pieces {
            stream.write_zeros(piece.offset - position)?;
            read_data(self.tree.file.fd(), data, data + piece.length, self.tree.size(), stream)?;
            data += piece.length;
            position = piece.offset + piece.length;
        }
        stream.write_zeros(layout.size - position)
    }
}

fn content(member: &Member, file_type: FileType, layout: Option<&Layout>) -> Result<Content> {
    Ok(match file_type {
        FileType::Directory => Content::Directory,
        FileType::Regular => Content::Regular { size: layout.map_or(0, |layout| layout.size) },
        FileType::Symlink => Content::Symlink { target: member.link.as_slice().into() },
        FileType::Block => Content::Block(member.device()?),
        FileType::Character => Content::Character(member.device()?),
        FileType::Fifo => Content::Fifo,
        FileType::Socket => Content::Socket,
    })
}
