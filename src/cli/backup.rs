//! `peekd backup` and `peekd restore`: a whole store as one file, and back.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::store;

/// Options of `peekd backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The store's directory; no service may have it open.
    #[arg(long, value_name = "DIR", default_value = "peekd-store")]
    store: PathBuf,
    /// The file to write; must not be there yet.
    file: PathBuf,
}

/// Options of `peekd restore`.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The file that `peekd backup` wrote.
    file: PathBuf,
    /// Where the store is to be; must be missing or empty.
    #[arg(long, value_name = "DIR", default_value = "peekd-store")]
    store: PathBuf,
}

impl Backup {
    pub(super) fn run(&self, err: &mut impl Write) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let name = || self.file.display().to_string();
        let mut options = File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options.open(&self.file).with_context(name)?;
        let mut out = BufWriter::new(file);
        let mut count = 0;
        let written = store::backup(&self.store, &mut out, &mut |done| count = done);
        let synced = written.map_err(anyhow::Error::from).and_then(|()| {
            let file = out.into_inner().with_context(name)?;
            file.sync_all().with_context(name)
        });
        if let Err(error) = synced {
            // Half a backup must not be taken for a whole one.
            std::fs::remove_file(&self.file).with_context(name)?;
            return Err(error);
        }
        writeln!(err, "{count} entries written to {}", self.file.display())?;
        Ok(())
    }
}

impl Restore {
    pub(super) fn run(&self, err: &mut impl Write) -> anyhow::Result<()> {
        let name = || self.file.display().to_string();
        let file = File::open(&self.file).with_context(name)?;
        let mut count = 0;
        let mut file = BufReader::new(file);
        store::restore(&mut file, &self.store, &mut |done| count = done)?;
        writeln!(err, "{count} entries restored to {}", self.store.display())?;
        Ok(())
    }
}
