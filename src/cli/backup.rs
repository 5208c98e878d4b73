//! `peekd backup` and `peekd restore`: a whole store as one file, and back.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::ask::Service;
use super::block_on;
use super::progress::{Progress, Watched};
use super::source::{Source, asked_otherwise};
use crate::store;

/// Options of `peekd backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    source: Source,
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
        let service = self.source.service()?;
        let mut options = File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options.open(&self.file).with_context(name)?;
        let mut out = BufWriter::new(file);
        let written = match &service {
            Some(service) => read_service(service, &mut out),
            None => self.read_store(&mut out),
        };
        let synced = written.and_then(|written| {
            let file = out.into_inner().with_context(name)?;
            file.sync_all().with_context(name)?;
            Ok(written)
        });
        match synced {
            Ok(written) => {
                writeln!(err, "{written} written to {}", self.file.display())?;
                Ok(())
            }
            Err(error) => {
                // Half a backup must not be taken for a whole one.
                std::fs::remove_file(&self.file).with_context(name)?;
                Err(error)
            }
        }
    }

    fn read_store(&self, out: &mut impl Write) -> anyhow::Result<String> {
        let (mut count, mut progress) = (0, Progress::new("entries"));
        let written = store::backup(&self.source.store, out, &mut |done| {
            count = done;
            progress.count(done);
        });
        progress.end();
        written.map_err(asked_otherwise)?;
        Ok(format!("{count} entries"))
    }
}

fn read_service(service: &Service, out: &mut impl Write) -> anyhow::Result<String> {
    let (mut count, mut progress) = (0, Progress::new("bytes"));
    let written = block_on(async {
        let mut link = service.connect().await?;
        let mut coming = link.get("/v1/backup", "application/octet-stream").await?;
        while let Some(block) = coming.block().await? {
            out.write_all(&block)?;
            count += block.len() as u64;
            progress.count(count);
        }
        Ok(())
    });
    progress.end();
    written?;
    Ok(format!("{count} bytes"))
}

impl Restore {
    pub(super) fn run(&self, err: &mut impl Write) -> anyhow::Result<()> {
        let name = || self.file.display().to_string();
        let file = File::open(&self.file).with_context(name)?;
        let total = file.metadata().with_context(name)?.len();
        let mut count = 0;
        let mut file = Watched::new(BufReader::new(file), total);
        let restored = store::restore(&mut file, &self.store, &mut |done| count = done);
        file.end();
        restored?;
        writeln!(err, "{count} entries restored to {}", self.store.display())?;
        Ok(())
    }
}
