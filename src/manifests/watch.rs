//! Follows the files of a roster: tells when something under its paths changed, after it has settled.
//! Reads nothing itself. Called by `apply --watch`.

use std::path::PathBuf;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A change is told when nothing further has changed for this long: editors and git write in bursts.
const SETTLED: Duration = Duration::from_millis(300);

/// Watches files until it is dropped.
pub struct Watch {
    _watcher: notify::RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<()>,
    /// When something last changed that has not settled yet.
    unsettled: Option<Instant>,
}

/// Begins to watch these files and folders.
pub fn watch(paths: &[PathBuf]) -> Result<Watch, notify::Error> {
    let (sender, changes) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = sender.send(());
        }
    })?;
    for path in paths {
        // An editor replaces a file by another: its folder is watched, so that the new one is seen.
        let watched = if path.is_dir() { path.clone() } else { path.parent().map(PathBuf::from).unwrap_or_default() };
        let watched = if watched.as_os_str().is_empty() { PathBuf::from(".") } else { watched };
        watcher.watch(&watched, RecursiveMode::Recursive)?;
    }
    Ok(Watch { _watcher: watcher, changes, unsettled: None })
}

impl Watch {
    /// Waits until something changed and has settled. What was seen is kept where the waiting is given up.
    pub async fn changed(&mut self) {
        loop {
            let change = match self.unsettled {
                None => self.changes.recv().await,
                Some(last) => match tokio::time::timeout_at(last + SETTLED, self.changes.recv()).await {
                    Ok(change) => change,
                    Err(_) => {
                        self.unsettled = None;
                        return;
                    }
                },
            };
            if change.is_none() {
                std::future::pending::<()>().await;
            }
            self.unsettled = Some(Instant::now());
        }
    }
}
