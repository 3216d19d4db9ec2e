//! Something of the process's that is there later than the bindings that use it.

use std::sync::{Arc, OnceLock};

/// Something that comes later, once. Clones get the same.
pub(crate) struct Late<T: ?Sized>(Arc<OnceLock<Arc<T>>>);

impl<T: ?Sized> Late<T> {
    /// With what is there already, if it is.
    pub(crate) fn new(there: Option<Arc<T>>) -> Self {
        let late = Self(Arc::default());
        if let Some(there) = there {
            late.set(there);
        }
        late
    }

    /// It is there from now on. The first one stays.
    pub(crate) fn set(&self, there: Arc<T>) {
        // Whoever comes second changes nothing.
        let _ = self.0.set(there);
    }

    /// It, if it is there.
    pub(crate) fn get(&self) -> Option<&Arc<T>> {
        self.0.get()
    }
}

impl<T: ?Sized> Clone for Late<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
