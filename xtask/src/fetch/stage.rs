//! A folder for unfinished files that goes away in every ending: success, error, Ctrl-C.
//!
//! It lies within the output folder, because only within one file system is renaming atomic.

use crate::error::{About, Result};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// The folder.
#[derive(Debug)]
pub(crate) struct Stage {
    paths: Arc<Paths>,
}

#[derive(Debug)]
struct Paths {
    stage: PathBuf,
    out: PathBuf,
    out_is_new: bool,
}

impl Stage {
    /// Makes `out`, if need be, and the folder within it.
    pub(crate) fn new(out: &Path) -> Result<Self> {
        let out_is_new = !out.exists();
        fs::create_dir_all(out).about(out.display())?;
        let stage = tempfile::Builder::new().prefix(".fetch-").suffix(".tmp").tempdir_in(out).about(out.display())?;
        let paths = Arc::new(Paths { stage: stage.keep(), out: out.to_owned(), out_is_new });
        clean_up_on_signals(Arc::clone(&paths))?;
        Ok(Stage { paths })
    }

    /// Where unfinished files go.
    pub(crate) fn folder(&self) -> &Path {
        &self.paths.stage
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.paths.remove();
    }
}

impl Paths {
    fn remove(&self) {
        // Nothing can be done about a failure here, and what remains is hidden and named as temporary.
        let _ = fs::remove_dir_all(&self.stage);
        if self.out_is_new {
            // This succeeds only when the folder is empty, that is, when the chore has failed.
            let _ = fs::remove_dir(&self.out);
        }
    }
}

/// A thread that waits for signals, since a handler itself may not touch the file system.
fn clean_up_on_signals(paths: Arc<Paths>) -> Result<()> {
    let received = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM] {
        flag::register_usize(signal, Arc::clone(&received), signal as usize).about("signal handler")?;
    }
    thread::spawn(move || {
        loop {
            let signal = received.load(Ordering::Relaxed);
            if signal != 0 {
                paths.remove();
                process::exit(128 + signal as i32);
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    Ok(())
}
