//! The file of an archive while it is in the hands of what must not wait for the disk.

use registry::Incoming;
use tokio::runtime::Handle;

/// The file of an archive that has arrived, or is about to. Given up, it is removed by a thread that
/// may wait for that: an archive may be large, and one thread does all that the admin API does.
#[derive(Debug)]
pub(crate) struct Arriving(Option<Incoming>);

impl Arriving {
    pub(crate) fn new(file: Incoming) -> Self {
        Self(Some(file))
    }

    /// The file, for what may block.
    pub(crate) fn into_file(mut self) -> Incoming {
        self.0.take().expect("it is there until this is dropped")
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else { return };
        // Without a runtime nobody else waits for this thread.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(file)));
        }
    }
}
