//! The answer of a store operation: at hand, or to be waited for. It exists so that a read served
//! from memory costs neither an allocation nor a turn of the event loop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, pending};

use crate::error::StoreError;

/// An answer of the store. It can be awaited in either state.
#[must_use = "a pending operation does nothing before it is awaited"]
pub enum Lookup<T> {
    /// The operation is done.
    Ready(Result<T, StoreError>),
    /// The operation waits for something: the disk, a group commit.
    Pending(BoxFuture<'static, Result<T, StoreError>>),
}

impl<T> Lookup<T> {
    /// An operation that succeeded at once.
    pub fn done(value: T) -> Self {
        Self::Ready(Ok(value))
    }

    /// An operation that failed at once.
    pub fn failed(error: impl Into<StoreError>) -> Self {
        Self::Ready(Err(error.into()))
    }

    /// The same operation with another form of its answer.
    pub fn map<U>(self, form: impl FnOnce(T) -> U + Send + 'static) -> Lookup<U>
    where
        T: 'static,
    {
        match self {
            Self::Ready(result) => Lookup::Ready(result.map(form)),
            Self::Pending(future) => Lookup::Pending(Box::pin(async { future.await.map(form) })),
        }
    }
}

impl<T: Send + Unpin + 'static> Future for Lookup<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Pending(future) => future.as_mut().poll(cx),
            Self::Ready(_) => {
                // `pending()` has no size, so its box is no allocation.
                match std::mem::replace(&mut *self, Self::Pending(Box::pin(pending()))) {
                    Self::Ready(result) => Poll::Ready(result),
                    Self::Pending(_) => Poll::Pending,
                }
            }
        }
    }
}

impl<T> From<Result<T, StoreError>> for Lookup<T> {
    fn from(result: Result<T, StoreError>) -> Self {
        Self::Ready(result)
    }
}
