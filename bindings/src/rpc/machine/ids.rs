//! What the machine names by numbers. Not here: what is under them.

use crate::rpc::frame::number::numbers;

numbers! {
    /// A session: one link between this event and another.
    SessionId;
    /// An object of this event on which others call. The machine gives the number out, and takes it back
    /// when nobody holds it any more.
    Handle;
    /// A reference that JavaScript owns, to an object of this event or of another.
    StubId;
    /// A call that was made here.
    QuestionId;
    /// A call that runs here.
    AnswerId;
    /// This event's end of a stream.
    StreamId;
}

/// A call, whoever made it and wherever it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct CallId(u32);

/// A stream that passes through this event, or begins or ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PipeId(u32);

impl CallId {
    /// As who made it names it.
    pub(super) fn question(self) -> QuestionId {
        QuestionId::new(self.0)
    }

    /// As who runs it names it.
    pub(super) fn answer(self) -> AnswerId {
        AnswerId::new(self.0)
    }
}

impl From<u32> for CallId {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<QuestionId> for CallId {
    fn from(question: QuestionId) -> Self {
        Self(question.get())
    }
}

impl From<AnswerId> for CallId {
    fn from(answer: AnswerId) -> Self {
        Self(answer.get())
    }
}

impl From<u32> for PipeId {
    fn from(number: u32) -> Self {
        Self(number)
    }
}
