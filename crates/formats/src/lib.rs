//! Bytes to values and back, without I/O: Debian's archives and text formats, OpenPGP signatures, tar and
//! the compressions, ELF, and the OCI documents.
//!
//! Nothing here opens a file or a socket. Everything that is read is taken to be hostile: sizes, counts and
//! depths are bounded, and what is wrong is said in words.

pub mod apt_sources;
pub mod ar;
mod archive_path;
pub mod build_info;
pub mod compress;
pub mod deb;
pub mod deb822;
mod declarations;
pub mod dockerfile;
pub mod elf;
pub mod entry;
pub mod gzip;
pub mod http_header;
pub mod jks;
pub mod ld_so_cache;
pub mod oci;
pub mod openpgp;
pub mod overlay;
pub mod packages;
pub mod passwd;
pub mod release;
pub mod rpm;
pub mod sh;
pub mod sqlite;
pub mod sysusers_d;
pub mod tar;
pub mod tmpfiles_d;
pub mod whiteout;
pub mod yaml;
pub mod zip;
