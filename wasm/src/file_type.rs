//! Names of file types, the same on every surface.

use casync_core::archive::FileType;

pub(crate) const fn name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Directory => "directory",
        FileType::Regular => "file",
        FileType::Symlink => "symlink",
        FileType::Block => "block",
        FileType::Character => "character",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
    }
}
